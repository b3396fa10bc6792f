"use strict";

// What was used, as usage_page.py wrote it. Times are Unix times in seconds; all that is shown is in UTC.
const usage = JSON.parse(document.getElementById("usage").textContent);
const AT = 0, CALLER = 1, PROJECT = 2, MODEL = 3, CALLS = 4, SERVED = 5, REFUSED = 6, FAILED = 7, INPUT = 8, CACHED = 9,
  OUTPUT = 10, TOTAL = 11, COST = 12;
const GROUPS = { caller: CALLER, project: PROJECT, model: MODEL };
const NONE = { caller: "(not known)", project: "(the caller’s own)", model: "(none)" };
const MODEL_PREFIX = "ri.language-model-service..language-model.";

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY];
const MOST_BARS = 60;
const MOST_SERIES = 8; // the rest are drawn together
const LONGEST_NAME = 60; // characters of a name in a chart's legend
const FEW_ROWS = 10; // of a table, until somebody asks for all of them
const FAR = 8; // a line so many times above the highest bar is told, not drawn: it would flatten the chart
const SPANS = [["last 15 minutes", 15 * MINUTE], ["last hour", HOUR], ["last 6 hours", 6 * HOUR], ["last 24 hours", DAY],
  ["last 7 days", 7 * DAY], ["last 4 weeks", 28 * DAY]];
// Told apart by colour-blind readers too, on white and on black (after Okabe and Ito).
const COLOURS = ["#3b82c4", "#e08214", "#2a9d78", "#c77cab", "#b8860b", "#56b4e9", "#a65628", "#8a8f98"];

const requests = (row) => row[CALLS] - row[REFUSED];
const CHARTS = [
  { title: "Tokens", of: (row) => row[TOTAL], before: (row) => row[3], unit: "tokens" },
  { title: "Requests that left", of: requests, before: (row) => row[4], unit: "requests" },
  { title: "Cost", of: (row) => row[COST] || 0, before: (row) => row[5] || 0, unit: "money" },
];
const ENDS = [
  { name: "served", of: (row) => row[SERVED], colour: "#2a9d78" },
  { name: "under way, or never ended", of: (row) => row[CALLS] - row[SERVED] - row[REFUSED] - row[FAILED], colour: "#8a8f98" },
  { name: "failed", of: (row) => row[FAILED], colour: "#e08214" },
  { name: "refused", of: (row) => row[REFUSED], colour: "#c9302c" },
];
const COLUMNS = [["calls", CALLS], ["refused", REFUSED], ["failed", FAILED], ["tokens in", INPUT], ["cached", CACHED],
  ["tokens out", OUTPUT], ["cost", COST]];
const priced = usage.rows.some((row) => row[COST] !== null);

const part = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 4 });
const number = (value, unit) => value === null ? "–" : unit === "money" ? money.format(value) : whole.format(Math.round(value));
const stamp = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16);
const told = (seconds) => stamp(seconds).replace("T", " ");

// A name as the page shows it: a language model's RID by its locator alone, all else as it is.
function called(name, group) {
  if (name === null || name === "") return NONE[group];
  return group === "model" && name.startsWith(MODEL_PREFIX) ? name.slice(MODEL_PREFIX.length) : name;
}

// plotly.js reads some HTML in what it draws; names are callers' own words, and stay words.
const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

const cut = (name) => [...name].length > LONGEST_NAME ? `${[...name].slice(0, LONGEST_NAME - 1).join("")}…` : name;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// A table: rows of elements, of which a few are shown until the person asks for all.
const opened = new Set();
function table(id, head, rows, foot) {
  const made = element("table"), parts = { thead: [head], tbody: opened.has(id) ? rows : rows.slice(0, FEW_ROWS), tfoot: foot };
  for (const [tag, lines] of Object.entries(parts)) {
    const section = element(tag);
    section.append(...lines.map((cells) => {
      const line = element("tr");
      line.append(...cells);
      return line;
    }));
    made.append(section);
  }
  if (rows.length <= FEW_ROWS) return [made];
  const more = element("button", opened.has(id) ? `Show the first ${FEW_ROWS} rows` : `Show all ${whole.format(rows.length)} rows`);
  more.type = "button";
  more.onclick = () => { if (!opened.delete(id)) opened.add(id); draw(); };
  return [made, more];
}

// What the person chose.

const choice = { from: usage.began, until: usage.ended, caller: undefined, project: undefined, model: undefined };

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([text, value]) => {
    const made = element("option", text);
    made.value = value;
    return made;
  }));
}

const names = {};
for (const [group, column] of Object.entries(GROUPS)) {
  names[group] = [...new Set(usage.rows.map((row) => row[column]))].sort((one, other) => called(one, group) < called(other, group) ? -1 : 1);
  options(part(group), [["all", ""], ...names[group].map((name, place) => [called(name, group), place])]);
  part(group).onchange = () => { choice[group] = names[group][part(group).value]; draw(); };
}
const busy = usage.rows.length ? [usage.rows.reduce((least, row) => Math.min(least, row[AT]), Infinity),
  usage.rows.reduce((most, row) => Math.max(most, row[AT]), 0) + usage.grain] : null;
options(part("span"), [
  ["all that was asked for", "all"],
  ...(busy ? [["from the first call to the last", "busy"]] : []),
  ...SPANS.filter(([, seconds]) => seconds < usage.ended - usage.began && seconds >= usage.grain),
  ["chosen by hand", "hand"],
]);
part("span").onchange = () => {
  const chosen = part("span").value;
  if (chosen === "busy") choose(...busy, chosen);
  else if (chosen !== "hand") choose(chosen === "all" ? usage.began : usage.ended - Number(chosen), usage.ended, chosen);
};
for (const side of ["from", "until"]) {
  part(side).onchange = () => {
    const at = Date.parse(`${part(side).value}Z`) / 1000;
    if (Number.isFinite(at)) choose(side === "from" ? at : choice.from, side === "until" ? at : choice.until, "hand");
  };
}
for (const id of ["by", "rows", "shown"]) part(id).onchange = () => draw();
for (const period of Object.keys(usage.starts)) part("shown").append(Object.assign(element("option", `running total of the ${period}`), { value: period }));
part("choice").onsubmit = () => false;

function choose(from, until, span) {
  if (until - from < usage.grain) return;
  Object.assign(choice, { from, until });
  part("span").value = span;
  draw();
}

const chosen = (row, offset = 0) => Object.entries(GROUPS).every(([group, column]) => choice[group] === undefined || row[column - offset] === choice[group]);

// What is drawn.

function draw() {
  const rows = usage.rows.filter((row) => row[AT] >= choice.from - usage.grain + 1 && row[AT] < choice.until && chosen(row));
  part("from").value = stamp(choice.from);
  part("until").value = stamp(choice.until);
  part("period").textContent = `${told(usage.began)} to ${told(usage.ended)}, UTC, as asked for`
    + (choice.from === usage.began && choice.until === usage.ended ? "." : `; shown: ${told(choice.from)} to ${told(choice.until)}.`);
  sums(rows);
  used(rows);
  standing();
  charts(rows);
}

function added(rows) {
  const sum = new Array(COST + 1).fill(0);
  sum[COST] = null;
  for (const row of rows) for (let column = CALLS; column <= COST; column += 1) if (row[column] !== null) sum[column] += row[column];
  return sum;
}

function sums(rows) {
  const sum = added(rows);
  part("sums").replaceChildren(...COLUMNS.filter(([name]) => name !== "cost" || priced).map(([name, column]) => {
    const made = element("div");
    made.append(element("b", number(sum[column], column === COST ? "money" : "")), element("span", name));
    return made;
  }));
}

function used(rows) {
  const by = Object.entries(GROUPS).filter(([group]) => part("rows").value.split(" ").includes(group)), groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify(by.map(([, column]) => row[column]));
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  const lines = [...groups.values()].map((those) => [those[0], added(those)]);
  lines.sort(([, one], [, other]) => other[TOTAL] - one[TOTAL] || other[CALLS] - one[CALLS]);
  const columns = COLUMNS.filter(([name]) => name !== "cost" || priced);
  const cells = (sum) => columns.map(([, column]) => element("td", number(sum[column], column === COST ? "money" : "")));
  part("used").replaceChildren(...table("used",
    [...by.map(([group]) => element("th", group, "name")), ...columns.map(([name]) => element("th", name))],
    lines.map(([first, sum]) => [...by.map(([group, column]) => element("td", called(first[column], group), "name")), ...cells(sum)]),
    [[...by.map((_, place) => element("td", place ? "" : lines.length ? "Total" : "No calls in this period", "name")), ...cells(added(rows))]]));
}

const UNITS = { tokens: " tokens", requests: " requests", money: "" };
const whose = (held) => ({ ENROLLMENT: "all traffic", PROJECT: `project ${held.subject}`, USER: `caller ${held.subject || NONE.caller}` })[held.level];

function standing() {
  const those = usage.held.filter((held) => (choice.model === undefined || held.model === "" || held.model === choice.model)
    && (choice.caller === undefined || held.level !== "USER" || held.subject === choice.caller)
    && (choice.project === undefined || held.level !== "PROJECT" || (choice.project || "").split(" + ").includes(held.subject)));
  if (!those.length) { part("held").replaceChildren(); return; }
  const share = (held) => held.amount ? held.used / held.amount : held.used ? 2 : 0;
  those.sort((one, other) => share(other) - share(one));
  const rows = those.map((held) => {
    const bar = element("td");
    bar.append(Object.assign(element("meter"), { max: 1, low: 0.8, high: 0.99, optimum: 0, value: Math.min(1, share(held)) }));
    return [element("td", whose(held), "name"), element("td", held.model ? called(held.model, "model") : "all", "name"),
      element("td", `${number(held.amount, held.unit)}${UNITS[held.unit]} per ${held.per}`, "name"),
      element("td", `${number(held.used, held.unit)} (${whole.format(Math.round(100 * share(held)))} %)`, share(held) >= 1 ? "full" : ""), bar];
  });
  const head = [...["whose", "model", "limit or budget"].map((name) => element("th", name, "name")), element("th", "used"), element("th")];
  part("held").replaceChildren(element("h2", "Limits and budgets"), ...table("held", head, rows, []), element("p", "Of a limit a minute: its"
    + ` busiest minute in the last 24 hours asked for. Of a budget: the day, week or month that ran at the end (${usage.zone}).`));
}

const step = () => {
  const seconds = choice.until - choice.from;
  return STEPS.find((each) => each >= usage.grain && seconds / each <= MOST_BARS) || STEPS[STEPS.length - 1];
};
const spoken = (seconds) => seconds % DAY === 0 ? `${seconds / DAY} d` : seconds % HOUR === 0 ? `${seconds / HOUR} h` : `${seconds / MINUTE} min`;

// The series' points: one a step, zero where nothing was used. With a period each goes on from the one before it.
function points(rows, of, times, size) {
  const found = new Array(times.length).fill(0);
  for (const row of rows) {
    const place = Math.floor((row[AT] - times[0]) / size);
    if (place >= 0 && place < found.length) found[place] += of(row);
  }
  return found;
}

// As ``points``, for every step the sum since its day, week or month began, whatever step the person looks from.
function running(rows, of, before, times, size, starts) {
  const sumsOf = new Map(starts.map((start) => [start, 0]));
  const startOf = (at) => starts.findLast((start) => start <= at) ?? starts[0];
  sumsOf.set(starts[0], before);
  const found = new Array(times.length).fill(0);
  const sorted = [...rows].sort((one, other) => one[AT] - other[AT]);
  let next = 0;
  times.forEach((time, place) => {
    for (; next < sorted.length && sorted[next][AT] < time + size; next += 1) {
      const start = startOf(sorted[next][AT]);
      sumsOf.set(start, sumsOf.get(start) + of(sorted[next]));
    }
    found[place] = sumsOf.get(startOf(Math.min(time + size - 1, choice.until)));
  });
  return found;
}

// The limits or budgets that hold for all that a chart shows together, and for nothing less.
function lines(rows, unit, per) {
  const models = new Set(rows.map((row) => row[MODEL]).filter((model) => model !== null));
  const model = choice.model !== undefined ? choice.model : models.size === 1 ? [...models][0] : undefined;
  const level = choice.project ? "PROJECT" : choice.caller !== undefined ? "USER" : choice.project === undefined ? "ENROLLMENT" : undefined;
  const subject = { PROJECT: choice.project, USER: choice.caller || "", ENROLLMENT: "" }[level];
  return usage.held.filter((held) => held.level === level && held.subject === subject && held.unit === unit && held.per === per
    && (held.model === "" ? choice.model === undefined : held.model === model));
}

function charts(rows) {
  const size = step(), period = part("shown").value, group = part("by").value, column = GROUPS[group];
  const first = Math.floor(choice.from / size) * size, times = [];
  for (let at = first; at < choice.until; at += size) times.push(at);
  const order = ranked(usage.rows, column);
  const figures = CHARTS.filter((chart) => chart.unit !== "money" || priced).map((chart) => {
    const earlier = period ? usage.rows.filter((row) => row[AT] < first && chosen(row)) : [];
    const before = period ? usage.before[period].filter((row) => chosen(row, 1)) : [];
    const all = [...earlier, ...rows];
    const present = order.filter((name) => all.some((row) => row[column] === name && chart.of(row)) || before.some((row) => row[column - 1] === name && chart.before(row)));
    const own = present.slice(0, MOST_SERIES - (present.length > MOST_SERIES ? 1 : 0));
    const series = [...own, ...(present.length > own.length ? [undefined] : [])].map((name) => {
      const mine = (key) => name === undefined ? !own.includes(key) : key === name;
      const those = all.filter((row) => mine(row[column]));
      const sum = before.filter((row) => mine(row[column - 1])).reduce((total, row) => total + chart.before(row), 0);
      return {
        name: name === undefined ? `${present.length - own.length} others` : called(name, group),
        colour: COLOURS[name === undefined ? MOST_SERIES - 1 : order.indexOf(name) % (MOST_SERIES - 1)],
        points: period ? running(those, chart.of, sum, times, size, usage.starts[period]) : points(those, chart.of, times, size),
      };
    });
    const held = lines(all, chart.unit, period || "minute").map((limit) => ({
      amount: period ? limit.amount : limit.amount * size / MINUTE,
      text: period ? `budget of the ${period}: ${number(limit.amount, limit.unit)}`
        : `limit: ${number(limit.amount, limit.unit)} a minute` + (size === MINUTE ? "" : `, ${number(limit.amount * size / MINUTE, limit.unit)} in ${spoken(size)}`),
    }));
    return { title: chart.title, note: period ? `running total of the ${period} (${usage.zone})` : `in steps of ${spoken(size)}`, unit: chart.unit, series, held };
  });
  figures.push({ title: "How calls ended", note: `in steps of ${spoken(size)}`, unit: "calls", held: [],
    series: ENDS.map((end) => ({ ...end, points: points(rows, end.of, times, size) })).filter((end) => end.points.some(Boolean)) });
  const places = figures.filter((figure) => figure.series.length || figure.held.length).map((figure) => {
    const made = element("figure"), place = element("div", undefined, "chart");
    const far = figure.held.filter((line) => line.amount > FAR * Math.max(1, highest(figure)));
    made.append(element("h2", figure.title), element("figcaption", [figure.note, ...far.map((line) => `${line.text}, far above`)].join(" · ")), place);
    figure.held = figure.held.filter((line) => !far.includes(line));
    return [made, place, figure];
  });
  part("charts").replaceChildren(...places.map(([made]) => made));
  for (const [, place, figure] of places) plot(place, figure, times, size);
}

function ranked(rows, column) {
  const total = new Map();
  for (const row of rows) {
    const sum = total.get(row[column]) || [0, 0];
    total.set(row[column], [sum[0] + row[TOTAL], sum[1] + row[CALLS]]);
  }
  return [...total].sort(([, one], [, other]) => other[0] - one[0] || other[1] - one[1]).map(([name]) => name);
}

const highest = (figure) => (figure.series[0] || { points: [0] }).points.reduce((most, _, place) => Math.max(most, figure.series.reduce((sum, each) => sum + each.points[place], 0)), 0);

// A step of the upright axis: a whole number, 1, 2 or 5 times a power of ten.
function tick(top) {
  const rough = top / 5, power = 10 ** Math.floor(Math.log10(rough || 1));
  return Math.max(1, [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough));
}

function plot(place, figure, times, size) {
  const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = { gridcolor: colour("rule"), linecolor: colour("rule"), zerolinecolor: colour("rule"), tickcolor: colour("rule") };
  const top = Math.max(highest(figure), ...figure.held.map((line) => line.amount));
  const moment = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19);
  const bars = figure.series.map((each) => ({
    type: "bar", name: plain(cut(each.name)), x: times.map(moment), y: each.points, width: size * 1000 * 0.92, offset: size * 1000 * 0.04,
    marker: { color: each.colour }, hovertemplate: `%{y:,${figure.unit === "money" ? ".4~f" : "d"}}`,
  }));
  Plotly.newPlot(place, bars, {
    barmode: "stack", bargap: 0, hovermode: "x unified", showlegend: true, dragmode: "zoom",
    font: { family: "system-ui, sans-serif", color: colour("text"), size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("rule"), font: { color: colour("text") } },
    margin: { l: 64, r: 16, t: 14, b: 44 }, legend: { orientation: "h", y: -0.16, traceorder: "normal" },
    xaxis: { ...axis, type: "date", range: [moment(times[0]), moment(times[times.length - 1] + size)] },
    yaxis: { ...axis, automargin: true, fixedrange: true, range: [0, top * 1.1 || 1], tickformat: figure.unit === "money" ? "" : ",d",
      ...(figure.unit === "money" ? {} : { tick0: 0, dtick: tick(top * 1.1) }) },
    shapes: figure.held.map((line) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: line.amount, y1: line.amount, line: { color: colour("held"), width: 2, dash: "dash" } })),
    annotations: figure.held.map((line) => ({ xref: "paper", x: 1, xanchor: "right", y: line.amount, yanchor: "bottom", text: plain(line.text), showarrow: false, font: { color: colour("held") } })),
  }, { displayModeBar: false, responsive: true });
  place.on("plotly_relayout", (change) => {
    if (change["xaxis.range[0]"]) choose(...[0, 1].map((side) => Math.round(Date.parse(`${String(change[`xaxis.range[${side}]`]).replace(" ", "T").slice(0, 19)}Z`) / 1000 / MINUTE) * MINUTE), "hand");
    else if (change["xaxis.autorange"]) choose(usage.began, usage.ended, "all");
  });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
choose(usage.began, usage.ended, "all");
