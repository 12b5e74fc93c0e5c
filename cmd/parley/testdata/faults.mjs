// People, each with some devices, of unmodified socket.io-client 4.8 or 2.2. They talk at random, as their seed says, and tell by JSON lines on standard
// output all that they do, get as an answer, hear, and read by HTTP. Lines on standard input say when they come, act, are calm and go.
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { io } from "socket.io-client";
import oldIO from "client-2.2";

const told = new Set(["reply", "groupReply", "edited", "recalled", "reacted", "friend", "group", "apply",
                      "userin", "userout", "refresh", "checkStatus", "reset"]);
const devices = [];
let url, api, people, groups, acting = false, ops = 0;
let stop;
const over = new Promise((calm) => { stop = calm; });
const tell = (line) => process.stdout.write(JSON.stringify({ t: Date.now(), ...line }) + "\n");

// mulberry32
const random = (a) => () => {
  a = (a + 0x6d2b79f5) | 0;
  let t = Math.imul(a ^ (a >>> 15), 1 | a);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

class Device {
  up = false; // connected, and greeted by the server
  wanted = true; // to be connected
  turn = 0; // of reading what was missed; another one each time it begins anew
  synced = false;
  known = new Map(); // conversations, and up to where all of each is known
  ready = new Set(); // those of them that are being kept up to date by what is heard
  recent = new Map(); // by conversation the seqs of the last messages
  mine = []; // of the last own messages {conversation, seq}
  open = new Set(); // what waits for an answer: functions to be called when the connection is lost
  waiting = []; // functions to be called when it is there again
  pending = 0;

  constructor(o) {
    Object.assign(this, o);
    this.random = random(o.seed);
    this.opens();
  }

  // opens makes a socket. One of 2.2 serves only once: where it is told to connect while an upgrade keeps it from closing, it loses sight of a connection.
  opens() {
    const common = { forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 1000, timeout: 5000, transports: this.transports ?? undefined };
    const device = this;
    let socket;
    if (this.client === "old") {
      socket = this.socket = oldIO(url, { ...common, query: { token: this.token, device: this.d } });
      socket.on("error", (message) => { if (socket === this.socket) { socket.close(); this.comeBack(message); } });
      const { onevent } = socket;
      socket.onevent = function (packet) { if (socket === device.socket) device.hear(...packet.data); onevent.call(this, packet); };
    } else {
      socket = this.socket = io(url, { ...common, auth: { token: this.token }, query: { device: this.d } });
      socket.on("connect_error", (e) => { if (!socket.active) this.comeBack(e.message, e.data?.retryAfter); });
      socket.onAny((...args) => this.hear(...args));
    }
    socket.on("connect", () => { if (socket === this.socket) this.came(); });
    socket.on("disconnect", (reason) => { if (socket === this.socket) this.went(reason); });
  }

  // The libraries do not come back by themselves from a refusal or when the server has closed them.
  async comeBack(why, after = 1) {
    tell({ d: this.d, k: "refused", why: String(why) });
    const { socket } = this;
    await pause(after * 1000 * (0.5 + this.random()));
    if (this.wanted && socket === this.socket) this.comes();
  }

  came() {
    const recovered = this.socket.recovered === true;
    tell({ d: this.d, k: "up", recovered });
    this.up = true;
    for (const go of this.waiting.splice(0)) go();
    this.op("sign", [{ user: { id: this.person }, rooms: [] }]);
    if (!recovered || !this.synced || ![...this.known.keys()].every((c) => this.ready.has(c))) this.anew();
  }

  went(reason) {
    this.up = false;
    tell({ d: this.d, k: "down", reason });
    for (const lost of this.open) lost();
    this.open.clear();
    if (reason === "io server disconnect") this.comeBack(reason);
  }

  leave() { this.wanted = false; this.socket.disconnect(); }
  comes() {
    this.wanted = true;
    if (this.socket.connected) return;
    if (this.client === "old") this.opens();
    else this.socket.connect();
  }

  hear(event, ...args) {
    if (!told.has(event)) return;
    tell({ d: this.d, k: "hear", e: event, a: args });
    const [a, b] = args;
    switch (event) {
      case "reply": return this.note("u:" + a.id, b.seq);
      case "groupReply": return this.note("g:" + a.gid, b.seq);
      case "edited": case "recalled": case "reacted": return this.reach(a.conversation, a.at);
      case "friend": return this.reach("u:" + a.uid, a.seq);
      case "apply": return void (a.gid || this.op("acceptFriend", [a.from]));
      case "reset": return this.anew();
      case "group": {
        const g = "g:" + a.gid;
        if (a.state === "created" || (a.state === "joined" && a.uid === this.person)) return this.joined(g);
        return this.reach(g, a.seq);
      }
    }
  }

  note(conversation, seq) {
    this.reach(conversation, seq);
    const last = this.recent.get(conversation) ?? [];
    this.recent.set(conversation, [...last, seq].slice(-20));
  }

  // What is heard goes on from what was known, if that was all.
  reach(conversation, place) {
    if (!this.known.has(conversation)) {
      this.known.set(conversation, 0);
      if (this.synced) this.ready.add(conversation); // it begins now
    }
    if (this.ready.has(conversation)) this.known.set(conversation, Math.max(place, this.known.get(conversation)));
  }

  async get(path) {
    const res = await fetch(api + path, { headers: { authorization: "Bearer " + this.token }, signal: AbortSignal.timeout(10000) });
    const body = await res.json();
    if (res.headers.has("parley-behind")) throw new Error(`${path}: behind`);
    if (res.status === 403 || res.status === 404) return null;
    if (res.status !== 200) throw new Error(`${path}: ${res.status}`);
    return body;
  }

  // anew reads what was missed in all conversations, again and again until it has succeeded in a connection that lasts.
  async anew() {
    const turn = ++this.turn;
    this.synced = false;
    this.ready.clear();
    await this.until(turn, async () => {
      let after = "";
      do {
        const page = await this.get("/api/conversations?limit=100&after=" + after);
        for (const c of page.conversations) if (!this.known.has(c.id)) this.known.set(c.id, 0);
        after = page.next;
      } while (after && turn === this.turn);
      for (const conversation of [...this.known.keys()]) {
        if (!this.ready.has(conversation)) await this.catchUp(conversation, turn);
      }
    });
    if (turn !== this.turn) return;
    this.synced = true;
    tell({ d: this.d, k: "synced" });
  }

  async joined(conversation) {
    const turn = this.turn;
    if (!this.known.has(conversation)) this.known.set(conversation, 0);
    this.ready.delete(conversation);
    this.pending++;
    await this.until(turn, () => this.catchUp(conversation, turn));
    this.pending--;
  }

  async until(turn, what) {
    while (turn === this.turn && this.up) {
      try {
        return await what();
      } catch (e) {
        tell({ d: this.d, k: "again", why: e.message });
        await pause(200 + 300 * this.random());
      }
    }
  }

  // catchUp reads the last page of what is known, which may have changed, and all after that.
  async catchUp(conversation, turn) {
    const n = ++ops;
    let after = Math.max(1, this.known.get(conversation)); // nothing is said at the very first place
    const path = `/api/conversations/${conversation}/messages?limit=100&`;
    tell({ d: this.d, k: "ask", n, conversation });
    const page = async (query) => {
      const p = await this.get(path + query);
      if (turn !== this.turn) throw new Error("another turn");
      if (p) tell({ d: this.d, k: "got", n, conversation, messages: p.messages });
      return p;
    };
    if (after > 1) await page("before=" + (after + 1));
    let p;
    do {
      p = await page("after=" + after);
      if (!p) break;
      for (const m of p.messages) after = Math.max(after, m.seq);
    } while (p.more);
    if (p?.messages.length > 0) this.recent.set(conversation, p.messages.map((m) => m.seq).slice(-20));
    this.known.set(conversation, Math.max(after, this.known.get(conversation)));
    this.ready.add(conversation);
    tell({ d: this.d, k: "has", n, conversation });
  }

  connected() { return this.up ? undefined : new Promise((go) => this.waiting.push(go)); }

  // op gives a command. With insist it gives the same again until it has been answered for good.
  async op(event, args, insist = false) {
    const n = ++ops;
    this.pending++;
    tell({ d: this.d, k: "do", n, e: event, a: args });
    try {
      for (let tries = 1; ; tries++) {
        await this.connected();
        const answer = await this.once(n, event, args);
        if (answer && answer.code !== 8 && answer.code !== 5) {
          tell({ d: this.d, k: "ack", n, tries, ...answer });
          return answer;
        }
        if (!insist) {
          tell({ d: this.d, k: answer?.code === 5 ? "ack" : "lost", n, tries, ...answer });
          return answer;
        }
        await pause((answer?.data?.retryAfter ?? 0.2) * 1000 * (1 + this.random()));
      }
    } finally {
      this.pending--;
    }
  }

  once(n, event, args) {
    return new Promise((done) => {
      const mute = setTimeout(() => tell({ d: this.d, k: "mute", n, e: event }), 45000);
      const end = (answer) => { clearTimeout(mute); this.open.delete(lost); done(answer); };
      const lost = () => end(undefined);
      this.open.add(lost);
      this.socket.emit(event, ...args, end);
    });
  }

  pick(list) { return list[Math.floor(this.random() * list.length)]; }
  friend() { return this.pick(people[this.person].friends); }
  group() { return this.pick(people[this.person].groups); }

  send(to, msg) {
    const where = to.slice(2);
    return to.startsWith("g:") ? this.op("groupSend", [{ gid: where }, msg], true) : this.op("send", [where, msg], true);
  }

  async say(to) {
    const id = `${this.d}-${this.life}-${++ops}`;
    const msg = { txt: "said " + id, id };
    const answer = await this.send(to, msg);
    if (answer.code === 0) this.mine = [...this.mine, { conversation: to, seq: answer.data.seq, msg }].slice(-10);
  }

  // What people do, and how often of a hundred times or so. Some of it is refused, or cannot be done just now.
  does = [
    [30, () => this.friend() && this.say("u:" + this.friend())],
    [30, () => this.group() && this.say("g:" + this.group())],
    [6, () => this.atOnce(this.random() < 0.5 && this.group() ? "g:" + this.group() : "u:" + this.friend())],
    [8, () => this.changes((m) => this.op("edit", [m.conversation, m.seq, { txt: `edited ${this.d}-${this.life}-${++ops}` }]))],
    [3, () => this.changes((m) => this.op("recall", [m.conversation, m.seq]))],
    [3, () => this.changes((m) => this.send(m.conversation, m.msg))], // the same once more
    [9, () => this.answers((c, seq) => this.op("react", [c, seq, this.pick(["👍", "🎉"]), this.random() < 0.7]))],
    [8, () => this.answers((c, seq) => this.op("read", [c, seq]))],
    [2, () => this.say("u:" + this.pick(people[this.person].strangers))],
    [2, () => this.say("g:" + this.pick(groups.filter((g) => !g.members.includes(this.person))).gid)],
    [2, () => this.leaves(groups.find((g) => g.gid === this.group()))],
    [3, () => this.invites(this.pick(groups.filter((g) => g.members[0] === this.person)))],
    [1, () => this.fallsOut(this.friend())],
    [5, async () => { this.leave(); await pause(300 + 4000 * this.random()); this.comes(); }],
  ];

  atOnce(to) { return Promise.all([1, 2, 3].map(() => this.say(to))); }
  changes(how) { const m = this.pick(this.mine); return m && how(m); }
  answers(how) { const [conversation, seqs] = this.pick([...this.recent]) ?? []; return conversation && how(conversation, this.pick(seqs)); }
  leaves(g) { return g && g.members[0] !== this.person && this.op("leaveGroup", [g.gid]); }
  invites(g) { return g && this.op("invite", [g.gid, this.pick(g.members.slice(1))]); }
  async fallsOut(f) {
    await this.op("removeFriend", [f]);
    await this.op("sendApply", [f], true);
  }

  async act(every) {
    const sum = this.does.reduce((s, [weight]) => s + weight, 0);
    this.busy = true;
    while (acting) {
      await Promise.race([pause(every * 2 * this.random()), over]);
      if (!acting || !this.up) continue;
      let at = this.random() * sum;
      await this.does.find(([weight]) => (at -= weight) < 0)[1]();
    }
    this.busy = false;
  }

  // calm waits until the device is connected, or is not if it is to be away at the end, and has no more to do.
  async calm() {
    if (this.away) { while (this.busy) await pause(50); this.leave(); return; }
    for (let quiet = 0; quiet < 10; await pause(50)) quiet = this.busy || this.pending > 0 || !this.up || !this.synced ? 0 : quiet + 1;
  }
}

const commands = {
  come(o) {
    ({ url, api, people } = o);
    ops = o.life * 1e7; // no two lives use the same numbers
    for (const device of o.devices) devices.push(new Device({ ...device, life: o.life }));
  },
  op: ({ d, e, a }) => devices.find((device) => device.d === d).op(e, a, true),
  act(o) {
    ({ groups, people } = o);
    acting = true;
    for (const device of devices) device.act(o.every);
  },
  async calm() { acting = false; stop(); await all((device) => device.calm()); },
  // Everybody says one more thing wherever they may have a say.
  words: () => all(async (device) => {
    if (device.away) return;
    for (const f of people[device.person].friends) await device.say("u:" + f);
    for (const g of people[device.person].groups) await device.say("g:" + g);
  }),
  sign: () => all((device) => device.up && device.op("sign", [{ user: { id: device.person }, rooms: [] }], true)),
  async close() { for (const device of devices) device.leave(); },
};

const all = (what) => Promise.all(devices.map(what));

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const command = JSON.parse(line);
    await commands[command.do](command);
    tell({ k: "did", e: command.do });
  })
  .on("close", () => process.exit(0));
