// What the suite needs of an assertion library, in Node and in browsers alike.

export function ok(holds, what) {
  if (!holds) throw new Error(what);
}

// equal compares deeply. Binary data is equal if its bytes are, whatever it is wrapped in.
export function equal(actual, expected, what = "got") {
  ok(same(actual, expected), `${what}: ${show(actual)}, want ${show(expected)}`);
}

// bytes gives the bytes of a Buffer, a typed array or an ArrayBuffer, and null for anything else.
export function bytes(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : null;
}

function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  const x = bytes(a), y = bytes(b);
  if (x || y) return !!x && !!y && x.length === y.length && x.every((v, i) => v === y[i]);
  const keys = Object.keys(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]))
  );
}

function show(value) {
  const text = JSON.stringify(value, function (key, v) {
    const data = bytes(this[key]); // not v, which Buffer's toJSON has made already
    return data ? `<${data.length} bytes: ${data.slice(0, 8)}…>` : v;
  });
  return text?.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : String(text);
}
