/** Tell whether two values of JSON are the same. */
export function isSame(one, other) {
  if (one === other) {
    return true;
  }
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) {
    return false;
  }
  const names = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(other).length &&
    names.every((name) => name in other && isSame(one[name], other[name]))
  );
}

/** Show outputs in the place of those that are shown; what stays is not drawn anew. */
export function show(area, outputs, shown = area.toJSON()) {
  if (outputs.length < shown.length || area.length !== shown.length) {
    area.fromJSON(outputs);
    return;
  }
  shown.forEach((old, at) => {
    if (!isSame(old, outputs[at])) {
      replace(area, at, old, outputs[at]);
    }
  });
  outputs.slice(shown.length).forEach((output) => area.add(output));
}

function replace(area, at, old, output) {
  if (at === area.length - 1 && isContinued(old, output)) {
    area.add({ ...output, text: output.text.slice(old.text.length) });
  } else {
    area.set(at, output);
  }
}

function isContinued(old, output) {
  return (
    old.output_type === "stream" &&
    output.output_type === "stream" &&
    old.name === output.name &&
    output.text.startsWith(old.text)
  );
}
