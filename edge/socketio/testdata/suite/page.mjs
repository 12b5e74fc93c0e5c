// Runs the suite in a browser: page.html?url=<of the server>&settings=<list as JSON>&next=<where to go from here>, served from the
// directory above this one. A setting is what run in suite.mjs takes, without io and url; {refused: true} in it stands for a
// server that does not let this page in. Every result is posted as JSON to /results of the page's own server, with {done: true}
// after those of each setting, and {fatal: message} when something breaks that is no test.
import { run } from "./suite.mjs";
import { runRefused } from "./refused.mjs";

function report(result) {
  return fetch("/results", { method: "POST", body: JSON.stringify(result) });
}

addEventListener("error", (e) => report({ fatal: `${e.message} (${e.filename}:${e.lineno})` }));
addEventListener("unhandledrejection", (e) => report({ fatal: String(e.reason?.stack ?? e.reason) }));

// library loads the bundle that the npm package brings for browsers, and gives its io function.
async function library(version) {
  const script = document.createElement("script");
  script.src = `/node_modules/client-${version}/dist/socket.io.js`;
  await new Promise((done, fail) => {
    script.onload = done;
    script.onerror = () => fail(new Error("cannot load " + script.src));
    document.head.append(script);
  });
  return window.io;
}

async function runAll(url, settings) {
  for (const setting of settings) {
    try {
      const io = await library(setting.version);
      await (setting.refused ? runRefused : run)({ io, url, ...setting }, report);
    } catch (e) {
      await report({ fatal: String(e.stack ?? e) });
    }
    await report({ done: true });
  }
}

const query = new URLSearchParams(location.search);
await runAll(query.get("url"), JSON.parse(query.get("settings")));
if (query.has("next")) location = query.get("next");
