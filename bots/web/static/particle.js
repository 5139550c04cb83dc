// Korean particles by how a word is read, and the {holes} of a message that they follow.

const CLOSED = new Set("013678lmnrLMNR");
const LIQUID = new Set("178lrLR");

function particle(word, closed, open) {
  const last = word.slice(-1);
  if (last >= "가" && last <= "힣") {
    const final = (last.charCodeAt(0) - 0xac00) % 28;
    return final === 0 || (final === 8 && closed === "으로") ? open : closed;
  }
  if (closed === "으로" && LIQUID.has(last)) return open;
  return CLOSED.has(last) ? closed : open;
}

/** `text` with `values` in its holes: `{name}`, or `{name:이/가}` with the particle; a hole without a value stays. */
export function filled(text, values) {
  return text.replace(/\{(\w+)(?::([^}/]+)\/([^}/]*))?\}/g, (hole, field, closed, open) => {
    if (!(field in values)) return hole;
    const value = String(values[field] ?? "");
    return closed === undefined ? value : value + particle(value, closed, open);
  });
}
