// What the page asks of the daemon besides the stream. The token is kept for this tab only and never in the address.

import { refusal } from "./stream.js";

const KEY = "hedger.token";
const TIMEOUT_MS = 10_000;
let remembered = null;

export function token() {
  if (remembered !== null) return remembered;
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function keepToken(value) {
  remembered = value.trim();
  try {
    if (remembered) sessionStorage.setItem(KEY, remembered);
    else sessionStorage.removeItem(KEY);
  } catch {
    // then it lasts as long as the page
  }
}

// `#token=…` in the address `hedger console` prints: taken, and out of the address bar before anybody sees it. Whether
// there was one.
export function takeTokenFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return false;
  keepToken(given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

export function headers() {
  return token() ? { Authorization: `Bearer ${token()}` } : {};
}

export class Refused extends Error {
  constructor(status, words, body = {}) {
    super(words);
    this.status = status;
    this.body = body;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, {
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...options,
      headers: { ...options.headers, ...headers() },
    });
  } catch {
    throw new Refused(0, "the daemon's console does not answer");
  }
  if (!answer.ok) {
    const { status, words, body } = await refusal(answer);
    throw new Refused(status, words, body);
  }
  return answer.json();
}

export const get = (path) => ask(path, { method: "GET" });

export const post = (path, body = {}) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Hedger": "1" },
    body: JSON.stringify(body),
  });
