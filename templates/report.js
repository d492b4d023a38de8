// The explorer: draws every call stack from the data in this page. What decides the case is there without it.
// With the style 40,000 bytes at most (tests/house-test.sh), as every page carries it.
"use strict";
{
const host = document.getElementById("explorer"), widths = new Map(), ROW = 19, GLYPH = 6.7, ROWS_SHOWN = 60;

function element(tag, attributes, text = "") {
	const made = document.createElement(tag);
	for (const name in attributes)
		made.setAttribute(name, attributes[name]);
	made.textContent = text;
	return made;
}

function say(text) {
	host.append(element("p", {class: "note"}, text));
}

// ---- data: columns of varints, see report/pack.h ----

// All of a column at once. What is beyond 2^53 is rounded.
function varints(bytes, Kind = Float64Array) {
	const values = new Kind(bytes.length);
	let count = 0;
	for (let at = 0; at < bytes.length; count++) {
		let byte = bytes[at++], value = byte & 127;
		for (let scale = 128; byte > 127; scale *= 128) {
			byte = bytes[at++];
			value += (byte & 127) * scale;
		}
		values[count] = value;
	}
	return values.subarray(0, count);
}

function signed(value) {
	return value % 2 ? -(value + 1) / 2 : value / 2;
}

// Parts with their size before them: columns with their names, strings.
function readParts(bytes) {
	const parts = [];
	for (let at = 0; at < bytes.length;) {
		let size = 0;
		for (let scale = 1, byte = 128; byte > 127; scale *= 128) {
			byte = bytes[at++];
			size += (byte & 127) * scale;
		}
		parts.push(bytes.subarray(at, at += size));
	}
	return parts;
}

// Names are foreign bytes: what is no printable ASCII is shown as \xNN.
function asText(bytes) {
	return String.fromCharCode.apply(null, bytes).replace(/[^ -~]|\\/g, letter => "\\x" + letter.charCodeAt(0).toString(16).padStart(2, "0"));
}

// Functions that are one to the reader are one.
function readFunctions(column, m) {
	const strings = ["", ...readParts(column("strings")).map(asText)], numbers = new Map(), frames = [];
	const [names, flags, files, offsets] = ["name", "flags", "file", "offset"].map(name => varints(column("frames." + name)));
	let label = -1;
	m.functions = [];
	flags.forEach((flag, i) => {
		label += 1 + signed(names[i]);
		const module = strings[files[3 * i]], user = flag & 1;
		const name = strings[label] || (module ? (user ? module : `[${module}]`) + "+0x" + offsets[2 * i + 1].toString(16) : "[unknown]");
		const key = user + module + "\0" + name;
		if (!numbers.has(key))
			numbers.set(key, m.functions.push({name, module, user, plain: flag > 3}) - 1);
		frames.push(numbers.get(key));
	});
	return frames;
}

function readModel(bytes) {
	const parts = readParts(bytes), columns = {}, m = {};
	for (let i = 0; i < parts.length; i += 2)
		columns[asText(parts[i])] = parts[i + 1];
	const column = name => columns[name] || [];
	const counts = varints(column("counts"));
	[m.siteCount, m.nodeCount, m.detailed, m.shift] = counts.subarray(10);
	m.duration = varints(column("totals"))[0];
	m.buckets = Math.max(1, Math.min(64, Math.floor(m.duration / 2 ** m.shift) + 1));
	m.slots = varints(column("caches.slot"));
	const frames = Int32Array.from(readFunctions(column, m)), back = varints(column("nodes.parent"), Int32Array);
	const frame = varints(column("nodes.frame"), Int32Array), n = m.nodeCount;
	const [parent, fn, first, next] = [m.parent, m.fn, m.first, m.next] = [0, 0, 0, 0].map(() => new Int32Array(n));
	for (let i = 1; i < n; i++) {
		parent[i] = back[i - 1] ? i - back[i - 1] : 0;
		fn[i] = frames[frame[i - 1]];
	}
	for (let i = n - 1; i > 0; i--) {
		next[i] = first[parent[i]];
		first[parent[i]] = i;
	}
	readSites(column, m);
	readDetails(column, m);
	return m;
}

// What few ask for is read when they do.
function later(m, name, make) {
	let made;
	Object.defineProperty(m, name, {get: () => made ??= make()});
}

function readSites(column, m) {
	const site = (name, Kind) => varints(column("sites." + name), Kind), bytes = site("live_bytes");
	m.live = site("live");
	m.cache = site("cache", Int32Array);
	m.node = site("node", Int32Array);
	m.bytes = m.live.map((live, i) => live * m.slots[m.cache[i]] + signed(bytes[i]));
	later(m, "allocs", () => site("allocs"));
	later(m, "frees", () => {
		const frees = site("frees");
		return m.live.map((live, i) => m.allocs[i] - live + signed(frees[i]));
	});
	later(m, "wasted", () => {
		const asked = site("bytes_req"), sized = site("allocs_sized"), liveAsked = site("live_bytes_req");
		return m.live.map((live, i) => {
			const known = m.allocs[i] + signed(sized[i]);
			return known ? Math.max(0, m.bytes[i] - Math.floor(asked[i] / known) * live - signed(liveAsked[i])) : 0;
		});
	});
}

// Of the first sites: births and survivors by bucket, how many were freed within a millisecond, growth.
function readDetails(column, m) {
	const reader = name => {
		const values = varints(column(name));
		let at = 0;
		return () => values[at++];
	};
	const pair = name => [reader(name + ".place"), reader(name + ".count")];

	function counts([place, count], into, first, places) {
		for (let at = first, gap; at < first + places && (gap = place()); at++) {
			at += gap - 1;
			into[at] = count();
		}
	}
	function timelines(name) {
		const columns = pair(name), all = new Float64Array(64 * m.detailed);
		for (let i = 0; i < m.detailed; i++)
			counts(columns, all, 64 * i, 64);
		return all;
	}
	function each(value) {
		const all = new Float64Array(m.siteCount);
		for (let i = 0; i < m.detailed; i++)
			all[i] = value(i);
		return all;
	}
	later(m, "births", () => timelines("births"));
	later(m, "growth", () => {
		// A float whose bytes were turned round.
		const rate = reader("sites.low_rate"), bits = new DataView(new ArrayBuffer(4));
		return each(i => {
			bits.setUint32(0, rate(), true);
			return bits.getFloat32(0) * (m.slots[m.cache[i]] || 1);
		});
	});
	later(m, "young", () => {
		const ages = pair("ages"), objects = reader("ages.objects");
		function histogram(expected) {
			const buckets = new Float64Array(256);
			if (expected + signed(objects()))
				counts(ages, buckets, 0, 256);
			return buckets;
		}
		return each(i => {
			const freed = histogram(m.frees[i]);
			histogram(m.live[i]);
			return freed.subarray(0, 11).reduce((sum, count) => sum + count);
		});
	});
	const survivors = m.survivors = timelines("survivors"), retained = m.retained = new Float64Array(64);
	for (let i = 0; i < survivors.length; i++)
		retained[i % 64] += survivors[i];
}

// ---- numbers ----

function clamp(value, least, most) {
	return Math.max(least, Math.min(most, value));
}

function count(value) {
	return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

function bytesText(value) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
	let unit = 0;
	for (; value >= 1024 && unit < 6; unit++)
		value /= 1024;
	return (unit && value < 100 ? value.toFixed(1) : count(value)) + " " + units[unit];
}

function percent(part, whole) {
	return whole ? (part === whole ? "100" : Math.min(99.9, 100 * part / whole).toFixed(1)) + " %" : "-";
}

// How each is told, and what a part of the time has of it: from what was allocated then, what of that is live, and the slot.
const metrics = {
	bytes: {text: bytesText, during: (born, kept, slot) => kept * slot},
	live: {text: count, during: (born, kept) => kept},
	growth: {text: value => bytesText(value) + "/s"},
	allocs: {text: count, during: born => born},
	frees: {text: count, during: (born, kept) => born - kept},
	young: {text: count},
	wasted: {text: bytesText}
};

// ---- trees ----

// What each node weighs by itself.
function ownWeights() {
	const own = new Float64Array(m.nodeCount), weights = values, {node} = m;
	for (let i = 0; i < node.length; i++)
		own[node[i]] += weights[i];
	return own;
}

// And with all that it calls.
function weigh() {
	const {parent} = m, weight = m.weight = ownWeights();
	for (let i = m.nodeCount - 1; i > 0; i--)
		if (weight[i] > 0)
			weight[parent[i]] += weight[i];
}

// Calls that are one to the reader. Those it leads to are looked up when asked for: most are too narrow to be seen. Inwards each of its
// places is a node; outwards each has its start, the node whose weight (in weights) has come there.
class Branch {
	constructor(fn, outer, id, weights, places = [], weight = 0) {
		this.fn = fn;
		this.outer = outer;
		this.id = id;
		this.weights = weights;
		this.depth = outer ? outer.depth + 1 : 0;
		this.weight = weight;
		this.places = places;
		this.starts = weights && [...places];
		this.known = null;
	}

	// The heaviest first; what weighs nothing is left out.
	get kids() {
		if (!this.known) {
			const kids = new Map(), {outer, starts} = this;
			this.places.forEach((place, i) => starts ? this.outwards(kids, outer ? m.parent[place] : place, starts[i]) : this.inwards(kids, place));
			this.known = [...kids.values()].sort((a, b) => b.weight - a.weight || a.id - b.id);
		}
		return this.known;
	}

	outwards(kids, place, start) {
		while (place && !visible[m.fn[place]])
			place = m.parent[place];
		if (place)
			this.add(kids, place, start);
	}

	inwards(kids, place) {
		for (let i = m.first[place]; i; i = m.next[i])
			this.add(kids, i);
	}

	add(kids, place, start) {
		const fn = m.fn[place], {weights} = this, weight = weights ? weights[start] : m.weight[place];
		let kid = kids.get(fn);
		if (!(weight > 0))
			return;
		if (!visible[fn])
			return this.inwards(kids, place);
		if (!kid)
			kids.set(fn, kid = new Branch(fn, this, weights ? (this.depth + 1) * m.nodeCount + start : place, weights));
		kid.places.push(place);
		kid.starts?.push(start);
		kid.weight += weight;
	}

	get self() {
		return this.kids.reduce((rest, kid) => rest - kid.weight, this.weight);
	}

	// From the root to here.
	get path() {
		return this.outer ? [...this.outer.path, this] : [this];
	}

	// The one with this number, or the nearest to it.
	find(id) {
		const fns = [];
		for (let i = id % m.nodeCount; i > 0; i = m.parent[i])
			if (visible[m.fn[i]])
				fns.push(m.fn[i]);
		let found = this;
		for (const fn of this.weights ? fns.slice(0, id / m.nodeCount) : fns.slice(0, levels[id] - 1 || 0).reverse())
			found = found.kids.find(kid => kid.fn === fn) || found;
		return found;
	}
}

// ---- the explorer ----

let m, state, initial, focused = 0, scrolled = 0, shownRows, shown, callers, focus, zoomed, deepest, above, levels, visible, treeKey, weightKey, gridKey, values, hits, boxes, canvasHeight, looks, pen;
let canvas, strip, grid, found;

function explore(model) {
	m = model;
	initial = {view: "top", metric: "bytes", flame: 0, plain: 0, node: 0, fn: -1, from: 0, to: m.buckets - 1, find: ""};
	if (!m.bytes.some(value => value > 0))
		initial.metric = m.live.some(value => value > 0) ? "live" : "allocs";
	state = {...initial};
	build();
	readHash();
	update();
}

function part(name) {
	return host.querySelector("." + name);
}

function metricNow() {
	return metrics[state.metric];
}

function isBrushed() {
	return state.from > 0 || state.to < m.buckets - 1;
}

// What each stack weighs; in a part of the time only stacks with a history do.
function siteValues() {
	const {during} = metricNow();
	if (!isBrushed() || !during)
		return m[state.metric];
	return m.live.map((live, i) => {
		let born = 0, kept = 0;
		for (let at = 64 * i + state.from; i < m.detailed && at <= 64 * i + state.to; at++) {
			born += m.births[at];
			kept += m.survivors[at];
		}
		return during(born, kept, m.slots[m.cache[i]]);
	});
}

// The tree that is shown, and in the sandwich that of the callers. levels: how deep each node stands in it, or 0; the root is 1, the
// function of the sandwich, never hidden, 2.
function plant() {
	const {parent, fn, weight, nodeCount} = m, start = state.view === "sandwich" ? state.fn : -1, begin = [];
	const steps = visible = Uint8Array.from(m.functions, ({plain}, fn) => fn === start || state.plain || !plain);
	const level = levels = new Uint16Array(nodeCount);
	level[0] = +(start < 0);
	deepest = above = 0;
	callers = null;
	for (let i = 1; i < nodeCount; i++) {
		const outer = level[parent[i]], here = level[i] = outer ? outer + steps[fn[i]] : 2 * (fn[i] === start);
		if (here > deepest + 1 && weight[i] > 0)
			deepest = here - 1;
		if (here && !outer)
			begin.push(i);
	}
	if (start >= 0)
		[shown, callers] = sandwiched(begin);
	else if (state.view === "bottom")
		shown = new Branch(-1, null, 0, ownWeights(), [...new Set(m.node)], weight[0]);
	else
		shown = new Branch(-1, null, 0, null, [0], weight[0]);
}

// The function's outermost places are the one kid of both roots.
function sandwiched(begin) {
	const {parent, fn, weight} = m, sum = begin.reduce((sum, i) => sum + weight[i], 0);
	above = -1;
	for (const place of begin) {
		let calls = -1;
		for (let i = parent[place]; i; i = parent[i])
			calls += visible[fn[i]];
		above = Math.max(above, calls);
	}
	return [null, weight].map(weights => {
		const root = new Branch(-1, null, 0, weights, [], sum);
		root.known = sum > 0 ? [new Branch(state.fn, root, begin[0], weights, begin, sum)] : [];
		return root;
	});
}

// The heaviest stack's function that is neither allocator nor entry.
function heaviest() {
	let best = -1, most = 0;
	values.forEach((value, i) => {
		let node = value > most ? m.node[i] : 0;
		while (node && m.functions[m.fn[node]].plain)
			node = m.parent[node];
		if (node) {
			most = value;
			best = m.fn[node];
		}
	});
	return best;
}

// ---- controls: templates/report.html has them, data-key says which part of the state each is ----

function build() {
	host.innerHTML = document.getElementById("explorer-parts").textContent;
	[canvas, strip, grid, found] = ["explorer", "strip-chart", "grid", "found"].map(part);
	pen = canvas.getContext("2d");
	part("brush").hidden = !m.detailed || m.buckets < 2;
	for (const box of host.querySelectorAll("input, select, button")) {
		const {key} = box.dataset, value = {button: () => +!state[key], range: () => +box.value}[box.type] || (() => box.value);
		if (box.type === "range")
			box.max = m.buckets - 1;
		box.addEventListener(box.type === "button" ? "click" : "input", () => change({[key]: value()}, box.tagName === "INPUT"));
	}
	listen();
	listenBrush();
}

function control(key) {
	return host.querySelector(`[data-key=${key}]`);
}

function listenBrush() {
	let begun = -1;
	const bucketAt = event => {
		const box = strip.getBoundingClientRect();
		return clamp(Math.floor((event.clientX - box.left) / box.width * m.buckets), 0, m.buckets - 1);
	};
	strip.addEventListener("pointerdown", event => {
		begun = bucketAt(event);
		strip.setPointerCapture(event.pointerId);
	});
	strip.addEventListener("pointermove", event => {
		const here = bucketAt(event);
		if (begun < 0)
			return;
		Object.assign(state, {from: Math.min(here, begun), to: Math.max(here, begun)});
		update();
	});
	strip.addEventListener("pointerup", event => {
		change(bucketAt(event) === begun ? {from: 0, to: m.buckets - 1} : {});
		begun = -1;
	});
}

function change(changes, isSamePlace) {
	// Another tree has other nodes.
	if ("view" in changes || "plain" in changes)
		changes.node = 0;
	Object.assign(state, changes);
	if (state.from > state.to)
		state["from" in changes ? "to" : "from"] = changes.from ?? changes.to;
	if ("node" in changes) {
		focused = state.node;
		scrolled = 0;
	}
	update();
	writeHash(isSamePlace);
}

function zoom(node) {
	change({node});
}

function sandwich(fn) {
	if (fn >= 0)
		change({view: "sandwich", fn});
}

// ---- #hash: the state of the picture, so that going back goes back ----

function writeHash(isSamePlace) {
	try {
		history[isSamePlace ? "replaceState" : "pushState"](null, "", "#explore:" + new URLSearchParams(state));
	} catch (e) {
		// A sandboxed frame has no history.
	}
}

function readHash() {
	if (location.hash && !location.hash.startsWith("#explore:"))
		return false;
	state = {...initial};
	for (const [key, value] of new URLSearchParams(location.hash.slice(9)))
		if (Object.hasOwn(state, key))
			state[key] = typeof state[key] === "number" ? Math.floor(+value) || 0 : value;
	for (const key of ["view", "metric"])
		if (![...control(key).options].some(option => option.value === state[key]))
			state[key] = initial[key];
	state.from = clamp(state.from, 0, m.buckets - 1);
	state.to = clamp(state.to, state.from, m.buckets - 1);
	state.fn = clamp(state.fn, -1, m.functions.length - 1);
	focused = state.node;
	return true;
}

// ---- drawing ----

// Makes what the state asks for and is not there yet.
function update() {
	const weightNow = [state.metric, state.from, state.to].join();
	if (weightNow !== weightKey) {
		values = siteValues();
		weigh();
	}
	weightKey = weightNow;
	if (state.view === "sandwich" && state.fn < 0)
		state.fn = heaviest();
	const treeNow = [weightKey, state.view, state.plain, state.fn].join();
	if (treeNow !== treeKey)
		plant();
	treeKey = treeNow;
	zoomed = shown.find(state.node);
	state.node = zoomed.id;
	focus = shown.find(focused);
	if (callers && !zoomed.outer)
		zoomed = zoomed.kids[0] || zoomed;
	matchNames();
	showControls();
	draw();
	drawStrip();
	const gridNow = [treeKey, focus.id, state.view === "table" && state.find].join();
	if (gridNow !== gridKey) {
		shownRows = ROWS_SHOWN;
		fillGrid();
	}
	gridKey = gridNow;
	tell(focus);
}

function showControls() {
	const seconds = bucket => Math.min(bucket * 2 ** m.shift, m.duration) / 1e9;
	for (const box of host.querySelectorAll("input, select"))
		if (box.value !== String(state[box.dataset.key]))
			box.value = state[box.dataset.key];
	control("flame").setAttribute("aria-pressed", !!state.flame);
	const plain = m.functions.filter(fn => fn.plain).length;
	control("plain").textContent = state.plain ? "Hide allocator and entry functions" : "Allocator and entry functions hidden: " + count(plain);
	control("plain").hidden = !plain;
	control("node").hidden = !state.node;
	part("range").textContent = !isBrushed() ? "Allocated at any time; drag or use the sliders to choose a part." :
		`Retained of what was allocated from ${seconds(state.from).toFixed(2)} s to ${seconds(state.to + 1).toFixed(2)} s` +
		(metricNow().during ? "" : " (this metric is not known by time)") +
		(m.detailed < m.siteCount ? `; ${count(m.siteCount - m.detailed)} stacks without a history are left out` : "");
}

// Marks functions; a stack counts once.
function matchNames() {
	hits = null;
	found.textContent = "";
	if (!state.find)
		return;
	try {
		const expression = new RegExp(state.find, "i");
		hits = Uint8Array.from(m.functions, fn => expression.test(fn.name));
	} catch (e) {
		found.textContent = "not a regular expression";
		return;
	}
	const {parent, fn, weight, nodeCount} = m, covered = new Uint8Array(nodeCount), level = levels;
	const isMatch = hits.map((hit, fn) => hit & visible[fn]);
	let sum = 0;
	for (let i = 1; i < nodeCount; i++) {
		const outer = covered[parent[i]];
		covered[i] = outer | isMatch[fn[i]];
		if (covered[i] > outer && level[i])
			sum += weight[i];
	}
	for (const i of callers?.kids[0]?.places || [])
		sum += covered[parent[i]] * weight[i];
	found.textContent = `${percent(sum, shown.weight)} matched, ${count(hits.filter(hit => hit).length)}/${count(hits.length)} functions`;
}

// Asking for sizes and colours lays out the page: not again until refit().
function prepare(canvas, height) {
	const ratio = window.devicePixelRatio || 1, width = widths.get(canvas) || canvas.clientWidth, pen = canvas.getContext("2d");
	const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
	widths.set(canvas, width);
	if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
		canvas.style.height = height + "px";
		[canvas.width, canvas.height] = pixels;
	}
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	pen.clearRect(0, 0, width, height);
	return width;
}

function refit() {
	widths.clear();
	update();
}

function draw() {
	if (!widths.size) {
		const style = getComputedStyle(host);
		looks = Object.fromEntries("kernel user plain root ink line mono".split(" ").map(name => [name, style.getPropertyValue("--" + name).trim()]));
	}
	canvas.hidden = state.view === "table";
	if (canvas.hidden)
		return;
	// In the sandwich callers stand above the function, and no root is drawn.
	const unseen = Math.max(0, above - 14), from = above - unseen, rows = above + deepest + 1;
	const rowsShown = clamp(rows, 3, Math.floor(Math.max(200, window.innerHeight * .7) / ROW));
	canvasHeight = ROW * rowsShown;
	const width = prepare(canvas, canvasHeight);
	scrolled = clamp(scrolled, -unseen, Math.max(0, rows - rowsShown) - unseen);
	boxes = [];
	pen.font = "11px " + looks.mono;
	pen.textBaseline = "middle";
	if (!zoomed.weight) {
		pen.fillStyle = looks.ink;
		pen.fillText("Nothing to draw by this metric.", 6, ROW);
		return;
	}
	for (const branch of zoomed.path.slice(+!!callers))
		drawBox(branch, 0, from + branch.depth, width, branch !== zoomed);
	drawKids(zoomed, 0, from + zoomed.depth + 1, width / zoomed.weight, 1);
	if (callers)
		drawKids(callers.kids[0], 0, from, width / callers.weight, -1);
}

function flipped(y) {
	return state.flame && !callers ? canvasHeight - ROW - y : y;
}

// Draws what a branch leads to, as far as it can be seen; those too narrow are one.
function drawKids(branch, x, row, scale, step) {
	if (step > 0 ? (row - scrolled) * ROW > canvasHeight : row < scrolled)
		return;
	const end = x + (branch.weight - branch.self) * scale;
	for (const kid of branch.kids) {
		const width = kid.weight * scale;
		if (width < 1.5) {
			pen.fillStyle = looks.root;
			pen.fillRect(x, flipped((row - scrolled) * ROW), end - x, ROW - 1);
			return;
		}
		drawBox(kid, x, row, width, false);
		drawKids(kid, x, row + step, scale, step);
		x += width;
	}
}

function drawBox(branch, x, row, width, isFaded) {
	const y = flipped((row - scrolled) * ROW), fn = m.functions[branch.fn];
	const isHit = hits && fn && hits[branch.fn], isFocused = branch === focus;
	if (y <= -ROW || y >= canvasHeight)
		return;
	pen.globalAlpha = isFaded || (hits && !isHit) ? .55 : 1;
	pen.fillStyle = looks[!fn ? "root" : fn.user ? "user" : fn.plain ? "plain" : "kernel"];
	pen.fillRect(x, y, width - .5, ROW - 1);
	pen.globalAlpha = 1;
	if (isHit || isFocused) {
		pen.strokeStyle = looks.ink;
		pen.lineWidth = isFocused ? 2 : 1;
		pen.strokeRect(x + .5, y + .5, width - 1.5, ROW - 2);
	}
	boxes.push({branch, x, y, width});
	const room = Math.floor((width - 6) / GLYPH);
	if (room < 4)
		return;
	const name = nameOf(branch);
	pen.fillStyle = !fn || (fn.plain && !fn.user) ? looks.ink : "#111";
	pen.fillText(name.length <= room ? name : name.slice(0, room - 2) + "..", x + 3, y + ROW / 2);
}

function nameOf({outer, fn}) {
	return outer ? m.functions[fn].name : callers ? "stacks with it" : "all call stacks";
}

function drawStrip() {
	const width = prepare(strip, 44), pen = strip.getContext("2d"), step = width / m.buckets, most = Math.max(...m.retained) || 1;
	for (let i = 0; i < m.buckets; i++) {
		const height = 40 * m.retained[i] / most + 2;
		pen.fillStyle = i >= state.from && i <= state.to ? looks.kernel : looks.line;
		pen.fillRect(i * step, 44 - height, Math.max(1, step - 1), height);
	}
}

function tell(branch) {
	const fn = m.functions[branch.fn], {text} = metricNow(), {weight, self} = branch;
	part("detail").textContent = nameOf(branch) + (fn ? (fn.user ? ", user" : ", kernel") + (fn.module ? ` (${fn.module})` : "") : "") +
		`: ${text(weight)}, ${percent(weight, shown.weight)}; itself ${text(self)}`;
}

// ---- table and treegrid ----

function fillGrid() {
	grid.tHead.rows[0].cells[1].textContent = control("metric").selectedOptions[0].text;
	grid.tBodies[0].replaceChildren();
	if (state.view === "table")
		fillTable();
	else
		fillTree();
}

// The focus and what is around it; in the sandwich first who calls the function.
function fillTree() {
	const {path, kids} = focus, outer = callers?.kids[0]?.kids ?? [];
	for (const branch of outer.slice(0, shownRows))
		addRow("called by " + nameOf(branch), branch, {fn: branch.fn}).setAttribute("aria-level", 1);
	for (const branch of [...path, ...kids.slice(0, shownRows)]) {
		const row = addRow(nameOf(branch), branch, {node: branch.id}, branch === focus);
		row.setAttribute("aria-level", branch.depth + 1);
		row.setAttribute("aria-selected", branch === focus);
		row.cells[0].style.paddingLeft = .55 + .8 * Math.min(12, branch.depth) + "rem";
		if (branch.kids.length)
			row.setAttribute("aria-expanded", path.includes(branch));
	}
	addMore(Math.max(kids.length, outer.length));
}

// Functions, each stack counted once for each that it has.
function fillTable() {
	const {parent, fn} = m, own = ownWeights(), total = new Float64Array(m.functions.length), self = total.slice();
	for (let i = 1; i < m.nodeCount; i++) {
		let place = i, outer = parent[i];
		while (place && !visible[fn[place]])
			place = parent[place];
		while (outer && fn[outer] !== fn[i])
			outer = parent[outer];
		if (place)
			self[fn[place]] += own[i];
		if (place === i && !outer)
			total[fn[i]] += m.weight[i];
	}
	const list = [...total.keys()].filter(fn => total[fn] > 0 && (!hits || hits[fn])).sort((a, b) => total[b] - total[a] || a - b);
	list.slice(0, shownRows).forEach((fn, i) => addRow(m.functions[fn].name, {weight: total[fn], self: self[fn]}, {fn}, !i).setAttribute("aria-level", 1));
	addMore(list.length);
}

function addRow(name, {weight, self}, data, isFirst) {
	const row = element("tr", {role: "row", tabindex: isFirst ? 0 : -1}), {text} = metricNow();
	[name, text(weight), percent(weight, shown.weight), text(self)].forEach((text, i) => {
		row.append(element("td", {role: "gridcell", class: i ? "n" : "name"}, text));
	});
	Object.assign(row.dataset, data);
	grid.tBodies[0].append(row);
	return row;
}

function addMore(length) {
	if (length <= shownRows)
		return;
	const row = element("tr", {role: "row"}), cell = element("td", {role: "gridcell", colspan: 4});
	const button = element("button", {type: "button"}, count(length - shownRows) + " more");
	button.addEventListener("click", () => {
		shownRows *= 4;
		fillGrid();
	});
	cell.append(button);
	row.append(cell);
	grid.tBodies[0].append(row);
}

// ---- mouse and keys ----

function boxAt(event) {
	const x = event.offsetX, y = event.offsetY;
	return (boxes || []).find(box => x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + ROW);
}

// The neighbour of the focus: a caller, the heaviest below, or one beside it.
function neighbour(key) {
	const {outer, kids} = focus, beside = outer?.kids;
	if (key === (state.flame ? "ArrowDown" : "ArrowUp"))
		return outer;
	if (key === "ArrowLeft" || key === "ArrowRight")
		return beside?.[beside.indexOf(focus) + (key === "ArrowRight" ? 1 : -1)];
	return kids[0];
}

const keys = {
	Enter: () => zoom(focused),
	" ": () => zoom(focused),
	Backspace: () => zoom(zoomed.outer?.id || 0),
	Escape: () => zoom(0),
	f: () => change({flame: +!state.flame}),
	h: () => change({plain: +!state.plain}),
	s: () => sandwich(focus.fn),
	"/": () => control("find").focus()
};

function pressed(event) {
	if (event.ctrlKey || event.altKey || event.metaKey)
		return;
	if (event.key.startsWith("Arrow")) {
		focused = neighbour(event.key)?.id ?? focused;
		update();
	} else if (Object.hasOwn(keys, event.key))
		keys[event.key]();
	else
		return;
	event.preventDefault();
}

function listen() {
	canvas.addEventListener("click", event => {
		const box = boxAt(event);
		if (box && (!callers || !box.branch.weights))
			zoom(box.branch.id);
		else if (box)
			sandwich(box.branch.fn);
	});
	canvas.addEventListener("mousemove", event => {
		const box = boxAt(event);
		if (box)
			tell(box.branch);
	});
	canvas.addEventListener("wheel", event => {
		const before = scrolled;
		scrolled += event.deltaY > 0 ? 2 : -2;
		draw();
		if (scrolled !== before)
			event.preventDefault();
	}, {passive: false});
	canvas.addEventListener("keydown", pressed);
	grid.addEventListener("click", event => pick(event.target.closest("tr")));
	grid.addEventListener("keydown", gridPressed);
	window.addEventListener("popstate", () => {
		if (readHash())
			update();
	});
	window.addEventListener("resize", refit);
	for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
		window.matchMedia(query).addEventListener("change", refit);
}

function pick(row) {
	if (row?.dataset.node)
		zoom(+row.dataset.node);
	else if (row?.dataset.fn)
		sandwich(+row.dataset.fn);
	else
		return;
	grid.querySelector("tr[tabindex='0']").focus();
}

function gridPressed(event) {
	const row = event.target.closest("tbody tr"), next = {ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling"}[event.key];
	if (!row || event.target !== row)
		return;
	if (next && row[next]) {
		row.tabIndex = -1;
		row[next].tabIndex = 0;
		(row[next].querySelector("button") || row[next]).focus();
	} else if (event.key === "Enter" || event.key === "ArrowRight")
		pick(row);
	else if (event.key === "ArrowLeft" && row.dataset.node)
		pick({dataset: {node: "" + (shown.find(row.dataset.node).outer?.id || 0)}});
	else if (!next)
		return;
	event.preventDefault();
}

// ---- cards ----

// What the address names is opened. What is to be copied has a button, which needs no permission.
function openCard() {
	const card = document.getElementById(location.hash.slice(1));
	if (card && card.tagName === "DETAILS")
		card.open = true;
}

function offerCopies() {
	for (const text of document.querySelectorAll(".copy pre")) {
		const button = element("button", {type: "button"}, "Copy");
		button.addEventListener("click", () => {
			getSelection().selectAllChildren(text);
			button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl-C";
		});
		text.before(button);
	}
	window.addEventListener("hashchange", openCard);
	openCard();
}

// ---- begin ----

offerCopies();

// Its size is at its end.
async function unpack(text) {
	const packed = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
	const bytes = new Uint8Array(new DataView(packed.buffer).getUint32(packed.length - 4, true));
	const {readable, writable} = new DecompressionStream("gzip"), writer = writable.getWriter(), reader = readable.getReader();
	writer.write(packed).catch(() => 0);
	writer.close().catch(() => 0);
	for (let at = 0, part; !(part = await reader.read()).done; at += part.value.length)
		bytes.set(part.value, at);
	return bytes;
}

async function begin(data) {
	const begun = performance.now();
	try {
		explore(readModel(await unpack(data.textContent)));
		// For tests.
		host.explorer = {m, zoom, set: (key, value) => change({[key]: value}), values: siteValues, get state() { return state; },
			get tree() { return shown; }, get callers() { return callers; }};
		host.dataset.ready = "yes";
		host.dataset.took = performance.now() - begun;
		document.documentElement.classList.add("explored");
	} catch (error) {
		host.dataset.ready = "failed";
		say("The explorer cannot read the data of this page: " + error.message);
	}
}

if (typeof DecompressionStream === "undefined")
	say("This browser cannot unpack the data for the explorer (DecompressionStream); nothing else on this page needs it.");
else
	begin(document.getElementById("data"));
}
