// Fills in what the page's list leaves out: parameters, bodies, answers and a command line.
// Everything shown is put in as text, never as HTML.
"use strict";

const BASE = "http://jobdeck"; // only a name: the request goes to the socket
const DEEPEST = 6; // levels of a schema that are shown at once

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const loaded = fetch("openapi.json").then((answer) => answer.json());

function resolve(api, schema) {
  let found = schema ?? {};
  while (found.$ref) {
    found = found.$ref.split("/").slice(1).reduce((part, key) => part[key], api);
  }
  return found;
}

const nameOf = (schema) => (schema.$ref ? schema.$ref.split("/").pop() : "");

function typeOf(api, schema) {
  const full = resolve(api, schema);
  const choices = full.anyOf ?? full.oneOf;
  if (choices) return choices.map((choice) => typeOf(api, choice)).join(" | ");
  if (full.const !== undefined) return JSON.stringify(full.const);
  if (full.enum) return full.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (full.type === "array") return full.items ? `[${typeOf(api, full.items)}]` : "[…]";
  if (full.type === "object" && typeof full.additionalProperties === "object") {
    return `{name: ${typeOf(api, full.additionalProperties)}}`;
  }
  return nameOf(schema) || full.format || full.type || "any";
}

function limitsOf(schema) {
  const words = [];
  if (schema.default !== undefined && schema.default !== null) {
    words.push(`default ${JSON.stringify(schema.default)}`);
  }
  for (const [key, word] of [
    ["minimum", "≥"], ["exclusiveMinimum", ">"], ["maximum", "≤"],
    ["minLength", "characters ≥"], ["maxLength", "characters ≤"], ["pattern", "matches"],
  ]) {
    if (schema[key] !== undefined) words.push(`${word} ${schema[key]}`);
  }
  return words.length ? ` · ${words.join(", ")}` : "";
}

function field(api, name, schema, required, seen) {
  const full = resolve(api, schema);
  const item = make("li", {},
    make("code", required ? { class: "required" } : {}, name), " ",
    make("span", { class: "type" }, typeOf(api, schema) + limitsOf(full)));
  const about = schema.description ?? full.description;
  if (about) item.append(make("span", { class: "about" }, about));
  item.append(...fields(api, schema, seen));
  return item;
}

// The fields of an object, of the objects in a list, or of each alternative.
function fields(api, schema, seen = []) {
  const name = nameOf(schema);
  if (seen.length >= DEEPEST || (name && seen.includes(name))) return [];
  const deeper = [...seen, name];
  const full = resolve(api, schema);
  if (full.type === "array") return full.items ? fields(api, full.items, deeper) : [];
  const choices = (full.anyOf ?? full.oneOf ?? []).filter((choice) => choice.type !== "null");
  if (choices.length === 1) return fields(api, choices[0], deeper);
  if (choices.length > 1) {
    return choices.filter((choice) => resolve(api, choice).properties).map((choice) =>
      make("details", {}, make("summary", {}, nameOf(choice)), ...fields(api, choice, deeper)));
  }
  if (!full.properties) return [];
  const required = new Set(full.required ?? []);
  return [make("ul", { class: "fields" }, ...Object.entries(full.properties).map(
    ([key, value]) => field(api, key, value, required.has(key), deeper)))];
}

function parameters(api, operation) {
  if (!operation.parameters?.length) return [];
  const items = operation.parameters.map((parameter) => {
    const schema = { ...parameter.schema, description: parameter.description };
    return field(api, parameter.name, schema, parameter.required && parameter.in !== "path", []);
  });
  return [make("h3", {}, "Parameters"), make("ul", { class: "fields" }, ...items)];
}

function bodyOf(api, content, title) {
  return Object.entries(content ?? {}).flatMap(([media, { schema }]) => [
    make("h3", {}, title, " ", make("span", { class: "type" }, `${typeOf(api, schema ?? {})} · ${media}`)),
    ...fields(api, schema ?? {}),
  ]);
}

function answers(api, operation) {
  const problems = [];
  const good = Object.entries(operation.responses).flatMap(([status, answer]) => {
    if (status >= "400") {
      problems.push(`${status} ${answer.description}`);
      return [];
    }
    return answer.content ? bodyOf(api, answer.content, `Answer ${status}`)
      : [make("h3", {}, `Answer ${status}, without a body`)];
  });
  return [...good, make("h3", {}, "Problems"), make("p", { class: "type" }, problems.join(" · "))];
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(path, method, operation) {
  const words = ["curl", "--unix-socket", quoted(document.body.dataset.socket)];
  if (method !== "get") words.push("-X", method.toUpperCase());
  if (operation.requestBody) words.push("-H", quoted("Content-Type: application/json"), "-d", "@body.json");
  return [...words, quoted(BASE + path)].join(" ");
}

function commandLine(path, method, operation) {
  const text = curl(path, method, operation);
  const button = make("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  });
  const can = navigator.clipboard ? [button] : [];
  return [make("h3", {}, "Command line"), make("pre", {}, text), ...can];
}

async function fill(details) {
  if (details.dataset.filled) return;
  details.dataset.filled = "yes";
  const api = await loaded;
  const { path, method } = details.dataset;
  const operation = api.paths[path][method];
  details.append(
    make("p", { class: "right" }, "Needs the right to ", make("code", {}, operation["x-permission"])),
    ...parameters(api, operation),
    ...bodyOf(api, operation.requestBody?.content, "Body"),
    ...answers(api, operation),
    ...commandLine(path, method, operation));
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.matches(".operation")) named.open = true;
}

function filter(words) {
  for (const section of document.querySelectorAll("main section")) {
    let shown = 0;
    for (const details of section.querySelectorAll(".operation")) {
      const text = details.firstElementChild.textContent.toLowerCase();
      details.hidden = !words.every((word) => text.includes(word));
      shown += details.hidden ? 0 : 1;
    }
    section.hidden = shown === 0;
  }
}

for (const details of document.querySelectorAll(".operation")) {
  details.addEventListener("toggle", () => details.open && fill(details));
}
document.getElementById("filter").addEventListener("input", (event) =>
  filter(event.target.value.toLowerCase().split(/\s+/).filter(Boolean)));
addEventListener("hashchange", openNamed);
openNamed();
