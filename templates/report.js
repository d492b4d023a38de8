// The explorer: draws every call stack from the data in this page. Everything that decides the case is on the page without it.
// With the style it is 40,000 bytes at most (tests/house-test.sh), as it is carried by every page.
"use strict";
{
const host = document.getElementById("explorer"), ROW = 19, GLYPH = 6.7, NARROWEST = .7, ROWS_SHOWN = 60;

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
	return String.fromCharCode(...bytes).replace(/[^ -~]|\\/g, letter => "\\x" + letter.charCodeAt(0).toString(16).padStart(2, "0"));
}

// Of the frames' functions those that are one to the reader are one.
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
		if (!numbers.has(key)) {
			numbers.set(key, m.functions.length);
			m.functions.push({name, module, user, plain: flag > 3});
		}
		frames.push(numbers.get(key));
	});
	return frames;
}

function readModel(bytes) {
	const parts = readParts(bytes), columns = {}, m = {};
	for (let i = 0; i < parts.length; i += 2)
		columns[asText(parts[i])] = parts[i + 1];
	const column = name => columns[name] || new Uint8Array(0);
	const counts = varints(column("counts"));
	[m.siteCount, m.nodeCount, m.detailed, m.shift] = counts.subarray(10);
	m.duration = varints(column("totals"))[0];
	m.buckets = Math.max(1, Math.min(64, Math.floor(m.duration / 2 ** m.shift) + 1));
	m.slots = varints(column("caches.slot"));
	const frames = Int32Array.from(readFunctions(column, m)), back = varints(column("nodes.parent"), Int32Array);
	const frame = varints(column("nodes.frame"), Int32Array), parent = m.parent = new Int32Array(m.nodeCount), fn = m.fn = new Int32Array(m.nodeCount);
	for (let i = 1; i < m.nodeCount; i++) {
		parent[i] = back[i - 1] ? i - back[i - 1] : 0;
		fn[i] = frames[frame[i - 1]];
	}
	readSites(column, m);
	readDetails(column, m);
	return m;
}

function readSites(column, m) {
	const site = name => varints(column("sites." + name));
	const bytes = site("live_bytes"), frees = site("frees"), asked = site("bytes_req"), sized = site("allocs_sized"), liveAsked = site("live_bytes_req");
	for (const name of ["cache", "node", "allocs", "live"])
		m[name] = site(name);
	m.bytes = m.live.map((live, i) => live * m.slots[m.cache[i]] + signed(bytes[i]));
	m.frees = m.live.map((live, i) => m.allocs[i] - live + signed(frees[i]));
	m.wasted = m.live.map((live, i) => {
		const known = m.allocs[i] + signed(sized[i]);
		return known ? Math.max(0, m.bytes[i] - Math.floor(asked[i] / known) * live - signed(liveAsked[i])) : 0;
	});
}

// Of the first sites: births and survivors by bucket, how many were freed within a millisecond, growth. What few ask for is read when they do.
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
	function later(name, make) {
		Object.defineProperty(m, name, {configurable: true, get() {
			Object.defineProperty(m, name, {value: make()});
			return m[name];
		}});
	}
	later("births", () => timelines("births"));
	later("growth", () => {
		// A float whose bytes were turned round.
		const rate = reader("sites.low_rate"), bits = new DataView(new ArrayBuffer(4));
		return each(i => {
			bits.setUint32(0, rate(), true);
			return bits.getFloat32(0) * (m.slots[m.cache[i]] || 1);
		});
	});
	later("young", () => {
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
	m.survivors = timelines("survivors");
	m.retained = new Float64Array(64);
	for (let i = 0; i < m.survivors.length; i++)
		m.retained[i % 64] += m.survivors[i];
}

// ---- numbers ----

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

// A call tree whose nodes are told apart by parent and function; 0 is the root, a parent's number is smaller.
class Tree {
	constructor(room) {
		this.parent = new Int32Array(room + 1);
		this.fn = new Int32Array(room + 1);
		this.depth = new Uint16Array(room + 1);
		this.eldest = new Int32Array(room + 1);
		this.count = 1;
		this.fn[0] = -1;
		this.mask = 65535;
		this.hashed = 0;
		this.slots = new Int32Array(this.mask + 1);
	}

	// Where it is, or the free place where it belongs.
	slot(parent, fn) {
		let at = (Math.imul(parent, 0x9e3779b1) ^ Math.imul(fn, 0x85ebca6b)) >>> 4 & this.mask, i;
		while ((i = this.slots[at]) && (this.parent[i] !== parent || this.fn[i] !== fn))
			at = at + 1 & this.mask;
		return at;
	}

	// Most have no siblings: only those that have an elder one are hashed.
	child(parent, fn) {
		const eldest = this.eldest[parent], at = eldest && this.fn[eldest] !== fn ? this.slot(parent, fn) : -1;
		const i = at < 0 ? eldest : this.slots[at];
		return i || this.add(parent, fn, at);
	}

	add(parent, fn, at) {
		const i = this.count++;
		if (i === this.parent.length)
			this.grow();
		this.parent[i] = parent;
		this.fn[i] = fn;
		this.depth[i] = this.depth[parent] + 1;
		if (at < 0)
			this.eldest[parent] = i;
		else
			this.slots[at] = i;
		if (at >= 0 && 2 * ++this.hashed > this.mask)
			this.rehash();
		return i;
	}

	grow() {
		for (const name of ["parent", "fn", "depth", "eldest"]) {
			const old = this[name];
			this[name] = new old.constructor(2 * old.length);
			this[name].set(old);
		}
	}

	rehash() {
		const hashed = this.slots.filter(i => i);
		this.mask = 4 * this.mask + 3;
		this.slots = new Int32Array(this.mask + 1);
		for (const i of hashed)
			this.slots[this.slot(this.parent[i], this.fn[i])] = i;
	}

	// Children side by side; nothing is added behind this.
	link() {
		const n = this.count, first = this.first = new Int32Array(n + 1);
		this.kids = new Int32Array(n);
		this.slots = this.eldest = null;
		for (let i = 1; i < n; i++)
			first[this.parent[i]]++;
		for (let i = 1; i <= n; i++)
			first[i] += first[i - 1];
		for (let i = n - 1; i > 0; i--)
			this.kids[--first[this.parent[i]]] = i;
	}

	weigh(ends, values) {
		const n = this.count, weight = this.weight = new Float64Array(n);
		for (let i = 0; i < ends.length; i++)
			if (ends[i] >= 0)
				weight[ends[i]] += values[i];
		this.self = weight.slice();
		this.isSorted = new Uint8Array(n);
		this.deepest = 0;
		for (let i = n - 1; i > 0; i--)
			if (weight[i] > 0) {
				weight[this.parent[i]] += weight[i];
				this.deepest = Math.max(this.deepest, this.depth[i]);
			}
	}

	// The children that weigh something, the heaviest first; sorted when they are asked for, as few ever are.
	below(i) {
		const kids = this.kids.subarray(this.first[i], this.first[i + 1]), weight = this.weight;
		if (!this.isSorted[i])
			kids.sort((a, b) => weight[b] - weight[a] || a - b);
		this.isSorted[i] = 1;
		const weightless = kids.findIndex(kid => !(weight[kid] > 0));
		return weightless < 0 ? kids : kids.subarray(0, weightless);
	}

	// From the root to the node.
	path(node) {
		const path = [node];
		for (; node; path.unshift(node))
			node = this.parent[node];
		return path;
	}
}

// ---- the explorer ----

let m, state, initial, focused = 0, scrolled = 0, shownRows, shown, below, callers, treeKey, weightKey, values, hits, boxes, canvasHeight, looks, pen;
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

function isHidden(fn) {
	return !state.plain && m.functions[fn].plain;
}

// All stacks from the outside in; ends: where each site's is.
function topDown() {
	const tree = new Tree(m.nodeCount), place = new Int32Array(m.nodeCount), {parent, fn} = m;
	const hidden = m.functions.map((_, fn) => isHidden(fn));
	for (let i = 1; i < m.nodeCount; i++)
		place[i] = hidden[fn[i]] ? place[parent[i]] : tree.child(place[parent[i]], fn[i]);
	tree.link();
	return {tree, ends: m.node.map(node => place[node])};
}

// Stacks from the inside out, all or, for the sandwich, from the outermost place of the function; or from there inwards.
function walked(fn, step) {
	const tree = new Tree(1024), ends = new Int32Array(m.siteCount).fill(-1);
	for (let i = 0; i < m.siteCount; i++) {
		const path = [];
		for (let node = values[i] > 0 ? m.node[i] : 0; node; node = m.parent[node])
			path.push(m.fn[node]);
		const begin = fn < 0 ? 0 : path.lastIndexOf(fn);
		if (begin < 0 || !(values[i] > 0))
			continue;
		ends[i] = 0;
		for (let at = begin; at >= 0 && at < path.length; at += step)
			if (path[at] === fn || !isHidden(path[at]))
				ends[i] = tree.child(ends[i], path[at]);
	}
	tree.link();
	return {tree, ends};
}

// The function of the heaviest stack that is neither allocator nor entry.
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
		return Math.max(0, Math.min(m.buckets - 1, Math.floor((event.clientX - box.left) / box.width * m.buckets)));
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
		// A sandboxed frame has no history of its own.
	}
}

function readHash() {
	if (location.hash && !location.hash.startsWith("#explore:"))
		return false;
	const clamp = (key, least, most) => state[key] = Math.max(least, Math.min(most, state[key]));
	state = {...initial};
	for (const [key, value] of new URLSearchParams(location.hash.slice(9)))
		if (Object.hasOwn(state, key))
			state[key] = typeof state[key] === "number" ? Math.floor(+value) || 0 : value;
	for (const key of ["view", "metric"])
		if (![...control(key).options].some(option => option.value === state[key]))
			state[key] = initial[key];
	clamp("from", 0, m.buckets - 1);
	clamp("to", state.from, m.buckets - 1);
	clamp("fn", -1, m.functions.length - 1);
	focused = state.node;
	return true;
}

// ---- drawing ----

// Makes anew what the state asks for and is not there yet.
function update() {
	const isSandwich = state.view === "sandwich", isInsideOut = isSandwich || state.view === "bottom";
	const newWeightKey = [state.metric, state.from, state.to].join(), hasNewWeights = newWeightKey !== weightKey;
	if (hasNewWeights)
		values = siteValues();
	weightKey = newWeightKey;
	if (isSandwich && state.fn < 0)
		state.fn = heaviest();
	const newTreeKey = [isInsideOut ? state.view + weightKey : "", state.plain, isSandwich && state.fn].join(), isNew = newTreeKey !== treeKey;
	if (isNew) {
		below = isSandwich ? walked(state.fn, -1) : isInsideOut ? walked(-1, 1) : topDown();
		callers = isSandwich ? walked(state.fn, 1) : null;
	}
	treeKey = newTreeKey;
	if (isNew || hasNewWeights)
		for (const side of callers ? [below, callers] : [below])
			side.tree.weigh(side.ends, values);
	shown = below.tree;
	if (!(state.node >= 0 && state.node < shown.count))
		state.node = 0;
	if (!(focused >= 0 && focused < shown.count))
		focused = state.node;
	shownRows = ROWS_SHOWN;
	matchNames();
	showControls();
	draw();
	drawStrip();
	fillGrid();
	tell(shown, focused);
}

function showControls() {
	const seconds = bucket => Math.min(bucket * 2 ** m.shift, m.duration) / 1e9;
	for (const box of host.querySelectorAll("input, select"))
		if (box.value !== String(state[box.dataset.key]))
			box.value = state[box.dataset.key];
	control("flame").setAttribute("aria-pressed", !!state.flame);
	const plain = m.functions.filter(fn => fn.plain).length;
	control("plain").textContent = state.plain ? "Hide allocator and entry functions" : count(plain) + " allocator and entry functions hidden";
	control("plain").hidden = !plain;
	control("node").hidden = !state.node;
	part("range").textContent = !isBrushed() ? "Allocated at any time; drag or use the sliders to choose a part." :
		`Retained of what was allocated from ${seconds(state.from).toFixed(2)} s to ${seconds(state.to + 1).toFixed(2)} s` +
		(metricNow().during ? "" : " (this metric is not known by time)") +
		(m.detailed < m.siteCount ? `; ${count(m.siteCount - m.detailed)} stacks without a history are left out` : "");
}

// Marks functions; each stack counts once, however many of its functions match.
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
	const {parent, fn, weight} = shown, isCovered = new Uint8Array(shown.count);
	let sum = 0;
	for (let i = 1; i < shown.count; i++) {
		isCovered[i] = isCovered[parent[i]] | hits[fn[i]];
		if (isCovered[i] > isCovered[parent[i]])
			sum += weight[i];
	}
	found.textContent = `${percent(sum, weight[0])} matched, ${count(hits.filter(hit => hit).length)}/${count(hits.length)} functions`;
}

function prepare(canvas, height) {
	const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, pen = canvas.getContext("2d");
	canvas.style.height = height + "px";
	canvas.width = Math.round(width * ratio);
	canvas.height = Math.round(height * ratio);
	pen.setTransform(ratio, 0, 0, ratio, 0, 0);
	return width;
}

function draw() {
	const style = getComputedStyle(host);
	looks = Object.fromEntries(["kernel", "user", "plain", "root", "ink", "line", "mono"].map(name => [name, style.getPropertyValue("--" + name).trim()]));
	canvas.hidden = state.view === "table";
	if (canvas.hidden)
		return;
	// In the sandwich node 1 of both trees is the function: callers stand above it, and the root is not drawn.
	const above = callers ? Math.min(callers.tree.deepest, 30) - 2 : 0, node = state.node || +!!callers;
	const rows = above + shown.deepest + 1, rowsInSight = Math.floor(Math.max(200, window.innerHeight * .7) / ROW);
	const width = prepare(canvas, ROW * Math.max(3, Math.min(rows, rowsInSight)));
	canvasHeight = canvas.clientHeight;
	scrolled = Math.max(0, Math.min(scrolled, rows - Math.floor(canvasHeight / ROW)));
	boxes = [];
	pen.font = "11px " + looks.mono;
	pen.textBaseline = "middle";
	if (!shown.weight[0]) {
		pen.fillStyle = looks.ink;
		pen.fillText("Nothing to draw by this metric.", 6, ROW);
		return;
	}
	for (const i of shown.path(node))
		if (i || !callers)
			drawBox(shown, i, 0, above + shown.depth[i], width, i !== node);
	drawBelow(shown, node, 0, above + shown.depth[node] + 1, width / shown.weight[node], 1);
	if (callers)
		drawBelow(callers.tree, 1, 0, above, width / callers.tree.weight[1], -1);
}

function flipped(y) {
	return state.flame && !callers ? canvasHeight - ROW - y : y;
}

// Draws what is below a node, as far as it can be seen; those too narrow stand side by side as one.
function drawBelow(tree, node, x, row, scale, step) {
	if (step > 0 ? (row - scrolled) * ROW > canvasHeight : row < 0)
		return;
	const end = x + (tree.weight[node] - tree.self[node]) * scale;
	for (const kid of tree.below(node)) {
		const width = tree.weight[kid] * scale;
		if (width < NARROWEST) {
			pen.fillStyle = looks.root;
			pen.fillRect(x, flipped((row - scrolled) * ROW), end - x, ROW - 1);
			return;
		}
		drawBox(tree, kid, x, row, width, false);
		drawBelow(tree, kid, x, row + step, scale, step);
		x += width;
	}
}

function drawBox(tree, i, x, row, width, isFaded) {
	const y = flipped((row - scrolled) * ROW), fn = m.functions[tree.fn[i]];
	const isHit = hits && fn && hits[tree.fn[i]], isFocused = i === focused && tree === shown;
	if (y <= -ROW || y >= canvasHeight)
		return;
	pen.globalAlpha = isFaded || (hits && !isHit) ? .55 : 1;
	pen.fillStyle = looks[!fn ? "root" : fn.user ? "user" : fn.plain ? "plain" : "kernel"];
	pen.fillRect(x, y, Math.max(.4, width - .5), ROW - 1);
	pen.globalAlpha = 1;
	if (isHit || isFocused) {
		pen.strokeStyle = looks.ink;
		pen.lineWidth = isFocused ? 2 : 1;
		pen.strokeRect(x + .5, y + .5, Math.max(1, width - 1.5), ROW - 2);
	}
	boxes.push({tree, i, x, y, width});
	const room = Math.floor((width - 6) / GLYPH);
	if (room < 4)
		return;
	const name = nameOf(tree, i);
	pen.fillStyle = !fn || (fn.plain && !fn.user) ? looks.ink : "#111";
	pen.fillText(name.length <= room ? name : name.slice(0, room - 2) + "..", x + 3, y + ROW / 2);
}

function nameOf(tree, i) {
	return i ? m.functions[tree.fn[i]].name : callers ? "stacks with it" : "all call stacks";
}

function drawStrip() {
	const width = prepare(strip, 44), pen = strip.getContext("2d"), step = width / m.buckets, most = Math.max(...m.retained) || 1;
	for (let i = 0; i < m.buckets; i++) {
		const height = 40 * m.retained[i] / most + 2;
		pen.fillStyle = i >= state.from && i <= state.to ? looks.kernel : looks.line;
		pen.fillRect(i * step, 44 - height, Math.max(1, step - 1), height);
	}
}

function tell(tree, i) {
	const fn = m.functions[tree.fn[i]], {text} = metricNow();
	part("detail").textContent = nameOf(tree, i) + (fn ? (fn.user ? ", user" : ", kernel") + (fn.module ? ` (${fn.module})` : "") : "") +
		`: ${text(tree.weight[i])}, ${percent(tree.weight[i], tree.weight[0])}; itself ${text(tree.self[i])}`;
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

// The focus with what is around it; in the sandwich those that call the function before it.
function fillTree() {
	const path = shown.path(focused), kids = shown.below(focused), outer = callers ? callers.tree.below(1) : [];
	for (const node of outer.slice(0, shownRows))
		addRow("called by " + nameOf(callers.tree, node), callers.tree.weight[node], callers.tree.self[node], {fn: callers.tree.fn[node]}).setAttribute("aria-level", 1);
	for (const node of [...path, ...kids.subarray(0, shownRows)]) {
		const row = addRow(nameOf(shown, node), shown.weight[node], shown.self[node], {node}, node === focused);
		row.setAttribute("aria-level", shown.depth[node] + 1);
		row.setAttribute("aria-selected", node === focused);
		row.cells[0].style.paddingLeft = .55 + .8 * Math.min(12, shown.depth[node]) + "rem";
		if (shown.below(node).length)
			row.setAttribute("aria-expanded", path.includes(node));
	}
	addMore(Math.max(kids.length, outer.length));
}

// Functions, each stack counted once for each that it has.
function fillTable() {
	const {parent, fn, weight} = shown, total = new Float64Array(m.functions.length), own = total.slice();
	for (let i = 1; i < shown.count; i++) {
		let outer = parent[i];
		while (outer && fn[outer] !== fn[i])
			outer = parent[outer];
		own[fn[i]] += shown.self[i];
		if (!outer)
			total[fn[i]] += weight[i];
	}
	const list = [...total.keys()].filter(fn => total[fn] > 0 && (!hits || hits[fn])).sort((a, b) => total[b] - total[a] || a - b);
	list.slice(0, shownRows).forEach((fn, i) => addRow(m.functions[fn].name, total[fn], own[fn], {fn}, !i).setAttribute("aria-level", 1));
	addMore(list.length);
}

function addRow(name, weight, own, data, isFirst) {
	const row = element("tr", {role: "row", tabindex: isFirst ? 0 : -1}), {text} = metricNow();
	[name, text(weight), percent(weight, shown.weight[0]), text(own)].forEach((text, i) => {
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
	return (boxes || []).find(box => x >= box.x && x < box.x + Math.max(1, box.width) && y >= box.y && y < box.y + ROW);
}

// The neighbour of the focus: a caller, the heaviest below, or one beside it.
function neighbour(key) {
	const parent = shown.parent[focused], beside = shown.below(parent);
	if (key === (state.flame ? "ArrowDown" : "ArrowUp"))
		return parent;
	if (key === "ArrowLeft" || key === "ArrowRight")
		return focused && beside[beside.indexOf(focused) + (key === "ArrowRight" ? 1 : -1)];
	return shown.below(focused)[0];
}

const keys = {
	Enter: () => zoom(focused),
	" ": () => zoom(focused),
	Backspace: () => zoom(shown.parent[state.node]),
	Escape: () => zoom(0),
	f: () => change({flame: +!state.flame}),
	h: () => change({plain: +!state.plain}),
	s: () => sandwich(shown.fn[focused]),
	"/": () => control("find").focus()
};

function pressed(event) {
	if (event.ctrlKey || event.altKey || event.metaKey)
		return;
	if (event.key.startsWith("Arrow")) {
		focused = neighbour(event.key) ?? focused;
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
		if (box && box.tree === shown)
			zoom(box.i);
		else if (box)
			sandwich(box.tree.fn[box.i]);
	});
	canvas.addEventListener("mousemove", event => {
		const box = boxAt(event);
		if (box)
			tell(box.tree, box.i);
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
	grid.addEventListener("keydown", gridKey);
	window.addEventListener("popstate", () => {
		if (readHash())
			update();
	});
	window.addEventListener("resize", update);
	window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
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

function gridKey(event) {
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
		pick({dataset: {node: shown.parent[row.dataset.node]}});
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

function unpack(text) {
	const packed = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
	return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function begin(data) {
	const begun = performance.now();
	try {
		explore(readModel(new Uint8Array(await unpack(data.textContent))));
		// For tests.
		host.explorer = {m, zoom, set: (key, value) => change({[key]: value}), values: siteValues, get state() { return state; },
			get tree() { return shown; }};
		host.dataset.ready = "yes";
		host.dataset.took = Math.round(performance.now() - begun);
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
