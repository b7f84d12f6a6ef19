// Elements are only ever made here, and text only ever set as text: nothing that came
// from telemetry can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** An element; children are elements or text. */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "onclick") node.addEventListener("click", value);
    else node.setAttribute(key === "className" ? "class" : key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set text, if it is another: a selection in it survives the refresh. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Make the children of `parent` show `items`, reusing the element of each key.
 * `create(item)` returns an element; `update(element, item)` brings it up to date.
 */
export function reconcile(parent, items, key, create, update) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let node = old.get(name);
    if (node === undefined) {
      node = create(item);
      node.dataset.key = name;
    } else old.delete(name);
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

/** Let an element be pressed like a button, by pointer and by keyboard. */
export function pressable(node, action) {
  node.tabIndex = 0;
  node.addEventListener("click", () => {
    // Marking text in a row is not a click on it.
    if (String(getSelection()) === "") action();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter") action();
  });
  return node;
}
