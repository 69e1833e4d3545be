"""A mail has no page to be relative to: an address is whole, or its fault has a name."""

import pytest

from mailer.rendering.links import fault, is_whole, normal
from mailer.rendering.markdown import to_html


@pytest.mark.parametrize(
    "address",
    [
        "https://www.exemple.fr/", "https://www.exemple.fr:8443/a?b=1&c=2#d", "HTTP://EXEMPLE.FR/x",
        "https://préfecture.exemple.fr/été", "https://www.exemple.fr/?s=a|b|c&p={x}&q=[1]",
        "https://www.exemple.fr/100%25?y=%zz&z=50%", "https://fr.wikipedia.org/wiki/Lille_(France)",
        "mailto:a@exemple.fr,b@exemple.fr?subject=Bonjour%20%26%20merci&body=a%0D%0Ab",
        "mailto:a.b+c@exemple.fr",
        "mailto:?to=a@exemple.fr", "tel:+33123456789", "tel:3949",
        "tel:+33-1-23-45-67-89;ext=2", "https://intranet/page",
    ],
)  # fmt: skip
def test_what_opens_from_a_mail(address: str) -> None:
    assert fault(address) is None


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "link_empty"), ("  ", "link_empty"), ("#bas", "link_anchor"), ("/page", "link_relative"),
        ("page.html", "link_relative"), ("../x", "link_relative"), ("//exemple.fr/x", "link_relative"),
        ("www.exemple.fr/page", "link_no_scheme"), ("exemple.fr", "link_no_scheme"),
        ("exemple.fr:8080/x", "link_no_scheme"), ("a@exemple.fr", "link_no_mailto"),
        ("javascript:alert(1)", "link_scheme"), ("data:text/html,x", "link_scheme"),
        ("ftp://ftp.exemple.fr/x", "link_scheme"), ("file:///C:/x", "link_scheme"),
        ("sms:+33612345678", "link_scheme"),
        ("https://www.exemple.fr/mon fichier.pdf", "link_spaces"), ("tel:+33 1 23 45 67 89", "link_spaces"),
        ("mailto:a@exemple.fr?subject=Deux mots", "link_spaces"), ("https:///page", "link_host"),
        ("https:www.exemple.fr", "link_host"), ("https://https://exemple.fr", "link_host"),
        ("https://www..exemple.fr", "link_host"), ("https://exemple.fr:x/", "link_host"),
        ("https://[::1/", "link_host"),
        ("mailto:a@exemple.fr?subject=Question & réponse&body=x", "link_ampersand"),
        ("mailto:a@exemple.fr?subject=A&B", "link_ampersand"), ("mailto:", "link_mailto"),
        ("mailto:equipe", "link_mailto"), ("mailto:a@exemple.fr;b@exemple.fr", "link_mailto"),
        ("tel:à demander", "link_spaces"), ("tel:accueil", "link_phone"), ("tel:", "link_phone"),
    ],
)  # fmt: skip
def test_what_does_not_is_named(address: str, code: str) -> None:
    assert fault(address) == code


def test_it_is_written_as_every_mailbox_reads_it() -> None:
    assert normal("https://préfecture.exemple.fr/été?q=à") == (
        "https://xn--prfecture-c4a.exemple.fr/%C3%A9t%C3%A9?q=%C3%A0"
    )
    assert normal("https://x.fr/?a=1&b=%zz&c=<y>") == "https://x.fr/?a=1&b=%25zz&c=%3Cy%3E"


NOT_WHOLE = ("//evil.example", "/desk", "desk", "#top", "?q=1", "www.example.org", "javascript:alert(1)",
             "data:text/html,x", "https:/x", "https:///x", "http:\\\\evil.example", "https://x.fr\\@evil.example",
             "https://known.fr@evil.example",
             "https://known.fr%40evil.example", "file:///etc/passwd", "ftp://x.fr")  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["https://example.org/desk", "http://example.org", "mailto:zoe@example.org", "tel:+33320000000"],
)
def test_whole_addresses_are_links(address: str) -> None:
    assert "<a href=" in to_html(f"[ici]({address})")


@pytest.mark.parametrize("address", NOT_WHOLE)
def test_others_are_none(address: str) -> None:
    """A letter lies on no site, and leads where it says."""
    assert not is_whole(address)
    for source in (f"[ici]({address})", f"[ici]\n\n[ici]: {address}", f"[ici](<{address}>)"):
        assert "<a " not in to_html(source), source
