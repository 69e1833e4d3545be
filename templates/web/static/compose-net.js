// Speaks with the composer's doors: JSON both ways, and one name for each way in which an answer may not come.
const PATIENCE = 20000; // ms: what takes longer is a cut
const JSON_ONLY = { Accept: "application/json" };

let token = "";
let renewal = "";

// `fresh`: the address that hands out a token for a page that is older than its session.
export function begin(first, fresh) {
  token = first;
  renewal = fresh;
}

export const currentToken = () => token;

// Return {trouble, status, body}.  trouble: "" (the service answered), "cut", "down", "signin" or "refused".
export async function get(url) {
  return understood(() => fetch(url, { headers: JSON_ONLY, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) }));
}

export async function post(url, data, { keepalive = false, patience = PATIENCE } = {}) {
  const once = () => {
    data.set("csrf_token", token);
    const signal = AbortSignal.timeout(patience);
    return fetch(url, { method: "POST", body: data, headers: JSON_ONLY, redirect: "manual", keepalive, signal });
  };
  const answer = await understood(once);
  if (answer.trouble !== "refused" || !(await renewed())) return answer;
  return understood(once);
}

async function understood(ask) {
  let answer;
  try {
    answer = await ask();
  } catch {
    return { trouble: "cut" };
  }
  if (answer.type === "opaqueredirect") return { trouble: "signin" };
  if (answer.status >= 500 || answer.status === 429) return { trouble: "down" };
  if (answer.status === 204) return { trouble: "", status: 204, body: {} };
  try {
    return { trouble: "", status: answer.status, body: await answer.json() };
  } catch {
    return { trouble: answer.ok ? "cut" : "refused", status: answer.status };
  }
}

// A login in another tab gives every form another token: take it, and say whether it is another.
async function renewed() {
  const { trouble, body } = await get(renewal);
  if (trouble || body.token === token) return false;
  token = body.token;
  return true;
}
