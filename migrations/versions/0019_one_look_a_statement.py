"""a subscription's two ends asked for once a statement; every such look goes through an index"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# As foreign keys do, they hold what they found until the commit: whoever deletes it waits, and then takes the
# subscription along (a person) or is refused (a newsletter).  Asked row by row, it was a fifth of an import.
ENDS = """
CREATE FUNCTION subscription_has_ends() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found bigint;
BEGIN
    PERFORM FROM added a JOIN subscriber s ON s.id = a.subscriber_id FOR KEY SHARE OF s;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> (SELECT count(*) FROM added) THEN
        RAISE EXCEPTION 'a subscription is somebody''s' USING ERRCODE = 'foreign_key_violation';
    END IF;
    PERFORM FROM newsletter n WHERE n.id IN (SELECT newsletter_id FROM added) FOR KEY SHARE;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> (SELECT count(DISTINCT newsletter_id) FROM added) THEN
        RAISE EXCEPTION 'a subscription is to a newsletter' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION subscription_keeps_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a subscription stays one person''s, to one newsletter'
        USING ERRCODE = 'foreign_key_violation';
END $$;

CREATE FUNCTION subscriber_takes_subscriptions_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM subscription WHERE subscriber_id = OLD.id;
    RETURN NULL;
END $$;

CREATE FUNCTION newsletter_has_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM subscription s WHERE s.newsletter_id = OLD.id) THEN
        RAISE EXCEPTION 'a newsletter stays as long as anybody has signed up to it'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER has_ends AFTER INSERT ON subscription REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION subscription_has_ends();
CREATE TRIGGER keeps_ends BEFORE UPDATE OF subscriber_id, newsletter_id ON subscription FOR EACH ROW
    WHEN (OLD.subscriber_id <> NEW.subscriber_id OR OLD.newsletter_id <> NEW.newsletter_id)
    EXECUTE FUNCTION subscription_keeps_ends();
CREATE TRIGGER takes_subscriptions_along AFTER DELETE ON subscriber
    FOR EACH ROW EXECUTE FUNCTION subscriber_takes_subscriptions_along();
CREATE TRIGGER has_subscriptions AFTER DELETE ON newsletter
    FOR EACH ROW EXECUTE FUNCTION newsletter_has_subscriptions();
"""
ADDED = ("subscription_has_ends", "subscription_has_event", "payload_has_event", "delivery_is_founded")
# A plan made while a table was empty is kept: it would read the table whole for every thousand rows.
STEADY = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material")
PERSON, NEWSLETTER = "fk_subscription_subscriber_id_subscriber", "fk_subscription_newsletter_id_newsletter"


def upgrade() -> None:
    op.drop_constraint(op.f(PERSON), "subscription")
    op.drop_constraint(op.f(NEWSLETTER), "subscription")
    op.execute(ENDS)
    for function in ADDED:
        for setting in STEADY:
            op.execute(f"ALTER FUNCTION {function}() SET {setting} = off")


def downgrade() -> None:
    for function in ADDED[1:]:
        op.execute(f"ALTER FUNCTION {function}() RESET ALL")
    op.execute("DROP TRIGGER has_subscriptions ON newsletter")
    op.execute("DROP TRIGGER takes_subscriptions_along ON subscriber")
    op.execute("DROP TRIGGER keeps_ends ON subscription")
    op.execute("DROP TRIGGER has_ends ON subscription")
    for function in ("newsletter_has_subscriptions", "subscriber_takes_subscriptions_along",
                     "subscription_keeps_ends", "subscription_has_ends"):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}()")
    op.create_foreign_key(op.f(NEWSLETTER), "subscription", "newsletter", ["newsletter_id"], ["id"])
    op.create_foreign_key(
        op.f(PERSON), "subscription", "subscriber", ["subscriber_id"], ["id"], ondelete="CASCADE"
    )
