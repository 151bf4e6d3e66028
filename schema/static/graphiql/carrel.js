// The query page: GraphiQL over our endpoint, signed in by the cookie of this site.
"use strict";

const config = JSON.parse(document.getElementById("config").textContent);
const endpoint = new URL(config.endpoint, window.location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

// Tabs are kept in this browser under a name that changes with the default tabs, so that new defaults are seen.
const prefix = `carrel:${config.version}:`;
const storage = {
  getItem: (key) => window.localStorage.getItem(prefix + key),
  setItem: (key, value) => window.localStorage.setItem(prefix + key, value),
  removeItem: (key) => window.localStorage.removeItem(prefix + key),
  clear: () => Object.keys(window.localStorage)
    .filter((key) => key.startsWith(prefix))
    .forEach((key) => window.localStorage.removeItem(key)),
  get length() {
    return Object.keys(window.localStorage).filter((key) => key.startsWith(prefix)).length;
  },
};

const fetcher = GraphiQL.createFetcher({
  url: endpoint.toString(),
  subscriptionUrl: socket.toString(),
  headers: { "X-Carrel-CSRF": "1" },
});

function Page() {
  return React.createElement(
    GraphiQL,
    {
      fetcher,
      storage,
      plugins: [GraphiQLPluginExplorer.explorerPlugin()],
      defaultTabs: config.tabs,
      defaultEditorToolsVisibility: true,
      inputValueDeprecation: true,
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    },
    React.createElement(GraphiQL.Logo, null, config.title),
  );
}

ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(Page));
