// Unmodified socket.io-client sockets, steered by JSON lines on standard input; what they hear is told by JSON lines on standard output.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();
const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const commands = {
  connect({ c, url, options }) {
    const socket = io(url, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
    sockets.set(c, socket);
    socket.on("connect", () => tell({ c, event: "connect", args: [socket.id, socket.io.engine.transport.name] }));
    socket.on("connect_error", (e) => tell({ c, event: "connect_error", args: [e.message, e.data ?? null] }));
    socket.on("disconnect", (reason) => tell({ c, event: "disconnect", args: [reason] }));
    socket.onAny((event, ...args) => tell({ c, event, args }));
  },
  emit({ c, event, args, ack }) {
    const socket = sockets.get(c);
    if (ack === undefined) socket.emit(event, ...args);
    else socket.timeout(15000).emit(event, ...args, (error, ...answer) => tell({ c, ack, error: error?.message, args: answer }));
  },
  close({ c }) {
    sockets.get(c).disconnect();
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
