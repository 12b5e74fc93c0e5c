// runRefused sees that a page to which the server says no cannot connect by a transport. It takes and reports what run in suite.mjs does.
export async function runRefused({ io, url, transports }, report) {
  const begin = Date.now();
  const socket = io(url, { forceNew: true, reconnection: false, timeout: 10_000, transports: [transports] });
  const error = await new Promise((done) => {
    socket.on("connect", () => done("it connects"));
    socket.on("connect_error", () => done(null));
  });
  socket.disconnect();
  await report({ test: "no connection", error, ms: Date.now() - begin });
}
