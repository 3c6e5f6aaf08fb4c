'use strict';
// Everything that comes from the server is put in as text (textContent, value); nothing is ever parsed as markup.

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
let nextId = 0;

function element(tag, text) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  return made;
}

function typesOf(schema) {
  return [].concat(schema.type);
}

// The text that a field shows for a value of the example.
function shown(type, value) {
  if (value === undefined || value === null) return '';
  return type === 'string' ? value : JSON.stringify(value);
}

// One labelled control; read() gives the value as JSON text, or undefined where the field is left out.
function makeField(name, schema, example, required) {
  const type = typesOf(schema)[0];
  const id = 'field-' + nextId++;
  const box = element('div');
  const label = element('label', name);
  label.htmlFor = id;
  const tag = type === 'array' ? 'textarea' : type === 'boolean' ? 'select' : 'input';
  const control = element(tag);
  control.id = id;
  if (type === 'boolean') {
    for (const text of required ? ['false', 'true'] : ['', 'false', 'true']) control.append(element('option', text));
  }
  if (type === 'number') control.inputMode = 'decimal';
  if (type === 'integer') control.inputMode = 'numeric';
  control.autocomplete = 'off';
  control.spellcheck = false;
  control.value = shown(type, example);
  box.append(label, control);
  const notes = [schema.description, required ? '' : 'may be left out'].filter(Boolean);
  if (notes.length > 0) {
    const hint = element('p', notes.join('; '));
    hint.className = 'hint';
    hint.id = id + '-hint';
    control.setAttribute('aria-describedby', hint.id);
    box.append(hint);
  }
  const read = () => {
    const text = control.value;
    if (text === '' && !required) return undefined;
    if (type === 'string') return JSON.stringify(text);
    if (type === 'boolean') return text;
    if (type === 'array') {
      try {
        return JSON.stringify(JSON.parse(text));
      } catch (error) {
        return JSON.stringify(text);
      }
    }
    // Digits are passed on as they were typed: a script's numbers would round large integers.
    return NUMBER.test(text.trim()) ? text.trim() : JSON.stringify(text);
  };
  return { name, box, control, read };
}

function bodyOf(fields) {
  const parts = [];
  for (const field of fields) {
    const value = field.read();
    if (value !== undefined) parts.push(JSON.stringify(field.name) + ': ' + value);
  }
  return '{"records": [{' + parts.join(', ') + '}]}';
}

function showPrediction(output, prediction) {
  const list = element('dl');
  for (const [name, value] of Object.entries(prediction)) {
    list.append(element('dt', name), element('dd', typeof value === 'string' ? value : JSON.stringify(value)));
  }
  output.replaceChildren(list);
}

function showError(output, fields, error) {
  const details = error.details || [];
  const box = element('div');
  box.className = 'bad';
  box.append(element('p', details.length > 0 ? 'The record does not fit:' : error.message));
  if (details.length > 0) {
    const list = element('ul');
    for (const detail of details) {
      list.append(element('li', (detail.field ? detail.field + ': ' : '') + detail.message));
      for (const field of fields) {
        if (field.name === detail.field) field.control.setAttribute('aria-invalid', 'true');
      }
    }
    box.append(list);
  }
  output.replaceChildren(box);
}

async function ask(url, fields, output, button) {
  for (const field of fields) field.control.removeAttribute('aria-invalid');
  button.disabled = true;
  try {
    const response = await fetch(url, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: bodyOf(fields),
    });
    const answer = await response.json();
    if (response.ok) showPrediction(output, answer.predictions[0]);
    else showError(output, fields, answer.error);
  } catch (error) {
    showError(output, fields, { message: 'The server did not answer: ' + error.message });
  }
  button.disabled = false;
}

function curlLine(url, fields) {
  const quoted = "'" + bodyOf(fields).replaceAll("'", "'\\''") + "'";
  return 'curl ' + location.origin + url + " \\\n  -H 'Content-Type: application/json' \\\n  -d " + quoted;
}

function showDeployment(entry, facts) {
  const section = document.getElementById('deployment').content.firstElementChild.cloneNode(true);
  const title = section.querySelector('h2');
  title.textContent = entry.name;
  title.id = 'deployment-' + nextId++;
  title.append(element('small', 'version ' + facts.version));
  section.setAttribute('aria-labelledby', title.id);
  section.querySelector('.about').textContent = facts.description;
  const example = facts.example || {};
  const fields = Object.entries(facts.record.properties).map(([name, schema]) =>
    makeField(name, schema, example[name], facts.record.required.includes(name)));
  section.querySelector('.fields').append(...fields.map((field) => field.box));
  const form = section.querySelector('form');
  const code = section.querySelector('code');
  const refresh = () => { code.textContent = curlLine(entry.url, fields); };
  form.addEventListener('input', refresh);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask(entry.url, fields, section.querySelector('output'), form.querySelector('button'));
  });
  const copy = section.querySelector('.quiet');
  copy.hidden = !navigator.clipboard;  // browsers give it to secure pages and to loopback only
  copy.addEventListener('click', () => navigator.clipboard.writeText(code.textContent));
  refresh();
  return section;
}

async function load() {
  const main = document.getElementById('deployments');
  try {
    const list = (await (await fetch('/predict')).json()).deployments;
    const sections = [];
    for (const entry of list) {
      const response = await fetch(entry.url);
      if (response.ok) sections.push(showDeployment(entry, await response.json()));
    }
    if (sections.length === 0) sections.push(element('p', 'No deployment is ready. Reload when one is.'));
    main.replaceChildren(...sections);
  } catch (error) {
    main.replaceChildren(element('p', 'The deployments could not be read: ' + error.message));
  }
  main.setAttribute('aria-busy', 'false');
}

load();
