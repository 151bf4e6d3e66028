// Audits a running GraphQL server with the reference clients; exits 1 when a MUST or a SHOULD is missed.
//
//   npm install --no-package-lock
//   node audit.mjs --url http://127.0.0.1:8080/graphql --auth 'Bearer ...' \
//     --query '{ viewer { id } }' --subscription 'subscription { ... }' --endless 'subscription { ... }'
//
// `--query` is any query, `--subscription` one that ends by itself, `--endless` one that yields and then waits.

import { parseArgs } from "node:util";
import { serverAudits } from "graphql-http";
import { createClient as createEvents } from "graphql-sse";
import { createClient as createSocket, CloseCode } from "graphql-ws";
import WebSocket from "ws";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    auth: { type: "string" },
    query: { type: "string", default: "{ __typename }" },
    subscription: { type: "string" },
    endless: { type: "string" },
  },
});
const headers = options.auth ? { authorization: options.auth } : {};
const payload = options.auth ? { Authorization: options.auth } : undefined;
const socketUrl = options.url.replace(/^http/, "ws");
const SECONDS = 1000;

const rows = [];
const row = (id, name, status, reason = "") => rows.push({ id, name, status, reason: String(reason) });

async function check(id, name, run) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no end in 10 s")), 10 * SECONDS).unref());
  try {
    const verdict = await Promise.race([run(), late]);
    row(id, name, verdict === true ? "ok" : "error", verdict === true ? "" : verdict);
  } catch (error) {
    row(id, name, "error", error?.message ?? JSON.stringify(error) ?? error?.code);
  }
}

async function http() {
  const fetchFn = (url, init = {}) => fetch(url, { ...init, headers: { ...headers, ...init.headers } });
  for (const audit of serverAudits({ url: options.url, fetchFn })) {
    const { status, reason } = await audit.fn();
    row(audit.id, audit.name, status, reason ?? "");
  }
}

const all = async (iterator) => {
  const seen = [];
  for await (const each of iterator) seen.push(each);
  return seen;
};

async function subscriptions(kind, create) {
  await check(`${kind}1`, "a query answers once", async () => {
    const seen = await all(create().iterate({ query: options.query }));
    return (seen.length === 1 && !seen[0].errors) || JSON.stringify(seen);
  });
  await check(`${kind}2`, "a subscription yields and completes", async () => {
    const seen = await all(create().iterate({ query: options.subscription }));
    return (seen.length > 0 && seen.every((each) => each.data && !each.errors)) || JSON.stringify(seen);
  });
  await check(`${kind}3`, "a running subscription is left by its client", async () => {
    const iterator = create().iterate({ query: options.endless });
    const first = await iterator.next();
    await iterator.return();
    return Boolean(first.value?.data) || JSON.stringify(first);
  });
  await check(`${kind}4`, "an invalid document is an error and not a crash", async () => {
    const client = create();
    const seen = await all(client.iterate({ query: "subscription { _nothing }" })).catch((error) => [{ errors: error }]);
    const after = await all(client.iterate({ query: options.query }));
    return (Boolean(seen[0]?.errors) && after.length === 1) || JSON.stringify(seen);
  });
  await check(`${kind}5`, "ten subscriptions run side by side", async () => {
    const client = create();
    const runs = Array.from({ length: 10 }, () => all(client.iterate({ query: options.subscription })));
    return (await Promise.all(runs)).every((seen) => seen.length > 0) || "some were silent";
  });
}

async function reconnecting() {
  await check("W6", "a client whose socket was cut comes back and goes on", async () => {
    let socket;
    const client = createSocket({
      url: socketUrl,
      webSocketImpl: WebSocket,
      connectionParams: payload,
      retryAttempts: 3,
      retryWait: async () => {},
      shouldRetry: () => true,
      on: { connected: (opened) => (socket = opened) },
    });
    const iterator = client.iterate({ query: options.endless });
    const first = await iterator.next();
    socket.terminate();
    const again = await iterator.next();
    await iterator.return();
    return Boolean(first.value?.data && again.value?.data) || JSON.stringify([first, again]);
  });
}

const sockets = () => createSocket({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: payload, retryAttempts: 0 });
const events = () => createEvents({ url: options.url, headers, retryAttempts: 0 });

function bare(messages) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(socketUrl, "graphql-transport-ws");
    const received = [];
    socket.on("open", () => messages.forEach((each) => socket.send(typeof each === "string" ? each : JSON.stringify(each))));
    socket.on("message", (data) => received.push(JSON.parse(data)));
    socket.on("close", (code) => resolve({ code, received }));
    socket.on("error", reject);
    setTimeout(() => socket.close(1000), SECONDS).unref();
  });
}

async function protocol() {
  const init = { type: "connection_init", payload };
  const subscribe = (id, query) => ({ type: "subscribe", id, payload: { query } });
  const closes = [
    ["a number as id", [init, subscribe(1, options.query)], CloseCode.BadRequest],
    ["a message that is no object", [init, "[]"], CloseCode.BadRequest],
    ["a message that is no JSON", [init, "{"], CloseCode.BadRequest],
    ["an unknown type", [init, { type: "x" }], CloseCode.BadRequest],
    ["variables of a wrong type", [init, { type: "subscribe", id: "1", payload: { query: "{ a }", variables: 1 } }], 4400],
    ["subscribing before the handshake", [subscribe("1", options.query)], CloseCode.Unauthorized],
    ["two handshakes", [init, init], CloseCode.TooManyInitialisationRequests],
    ["an id that is in use", [init, subscribe("1", options.endless), subscribe("1", options.endless)], 4409],
  ];
  for (const [index, [name, messages, code]] of closes.entries())
    await check(`P${index + 1}`, `${name} closes with ${code}`, async () => {
      const answer = await bare(messages);
      return answer.code === code || `closed with ${answer.code}`;
    });
  await check("P9", "a handshake with the payload null is acknowledged", async () => {
    const { received } = await bare([{ type: "connection_init", payload: null }]);
    return received[0]?.type === "connection_ack" || JSON.stringify(received);
  });
  await check("P10", "a ping is answered before and after the handshake", async () => {
    const { received } = await bare([{ type: "ping" }, init, { type: "ping" }]);
    return received.filter((each) => each.type === "pong").length === 2 || JSON.stringify(received);
  });
  await check("P11", "a syntax error ends its operation only", async () => {
    const { code, received } = await bare([init, subscribe("1", "{")]);
    return (code === 1000 || code === 1005) && received.at(-1)?.type === "error" || JSON.stringify({ code, received });
  });
}

await http();
if (options.subscription && options.endless) {
  await subscriptions("W", sockets);
  await reconnecting();
  await subscriptions("S", events);
  await protocol();
}
const missed = rows.filter(({ status }) => status === "error" || status === "warn");
for (const { id, name, status, reason } of rows) if (status !== "ok") console.log(`${status} ${id} ${name}: ${reason}`);
console.log(`${rows.length - missed.length} passed, ${missed.length} failed`);
const passed = rows.filter(({ status }) => status === "ok");
const audited = (word) => passed.filter(({ name }) => name.startsWith(`${word} `)).length;
const checked = (letter) => passed.filter(({ id }) => new RegExp(`^${letter}\\d+$`).test(id)).length;
const counts = { missed: missed.length, MUST: audited("MUST"), SHOULD: audited("SHOULD"), MAY: audited("MAY") };
console.log(JSON.stringify({ ...counts, websocket: checked("W"), events: checked("S"), protocol: checked("P") }));
process.exit(missed.length ? 1 : 0);
