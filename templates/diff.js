// The three pictures as one: what is pointed at or chosen by arrow keys in one is marked in all, and told below them; a click or Enter makes it
// as wide as the picture in all. The page is whole without.
"use strict";
{
const WIDTH = 1200, GLYPH = 6.7;
const host = document.getElementById("pictures"), detail = document.getElementById("detail");
const views = host ? [...host.querySelectorAll("svg")] : [];
let marked = -1, zoomed = 0;

// Of each view its cells: the place of both sides together and, within, the part of one.
const cells = views.map(view => [...view.querySelectorAll("g[data-i]")].map(group => ({
	group,
	rects: [...group.querySelectorAll("rect")].map(rect => ({rect, x: +rect.getAttribute("x"), width: +rect.getAttribute("width")})),
	y: +group.querySelector("rect").getAttribute("y"),
	title: group.querySelector("title").textContent,
})));
const places = views.length ? cells[0].map(cell => ({x: cell.rects[0].x, y: cell.y, width: cell.rects[0].width})) : [];

function mark(index) {
	for (const view of cells) {
		view[marked]?.group.classList.remove("marked");
		view[index]?.group.classList.add("marked");
	}
	marked = index;
	detail.textContent = index < 0 ? "Click a function, or press Enter on a marked one, to see it in full width; Escape for all." :
		cells[0][index].title.replace("\n", ": ");
}

const isAround = (outer, inner) => outer.x <= inner.x + .05 && outer.x + outer.width >= inner.x + inner.width - .05;

function label(cell, x, width) {
	const name = cell.title.split("\n")[0], room = width > 2 * GLYPH ? Math.floor((width - 6) / GLYPH) : 0;
	let text = cell.group.querySelector("text");

	if (room < 4)
		return text?.remove();
	if (!text) {
		text = document.createElementNS("http://www.w3.org/2000/svg", "text");
		text.setAttribute("y", cell.y + 13);
		cell.group.append(text);
	}
	text.setAttribute("x", x + 4);
	text.textContent = name.length <= room ? name : name.slice(0, room - 2) + "..";
}

// Its callers become as wide as it is, what lies beside them goes.
function zoom(index) {
	const to = places[index], scale = WIDTH / to.width;

	zoomed = index;
	places.forEach((place, i) => {
		const around = place.y < to.y && isAround(place, to), inside = place.y >= to.y && isAround(to, place);
		const x = around ? 0 : (place.x - to.x) * scale, by = around ? WIDTH / place.width : scale;

		for (const view of cells) {
			view[i].group.style.display = around || inside ? "" : "none";
			for (const {rect, width} of view[i].rects) {
				rect.setAttribute("x", x);
				rect.setAttribute("width", width * by);
			}
			label(view[i], x, place.width * by);
		}
	});
}

// The cell that lies there from the marked one: its caller, its first callee, its neighbours.
function next(key) {
	const from = places[marked];
	let best = -1;
	places.forEach((place, index) => {
		const step = place.y - from.y, closer = best < 0 || Math.abs(place.x - from.x) < Math.abs(places[best].x - from.x);
		if (cells[0][index].group.style.display)
			return;
		if (key === "ArrowDown" && step > 0 && step < 25 && isAround(from, place) && closer ||
			key === "ArrowUp" && step < 0 && step > -25 && isAround(place, from) ||
			key === "ArrowRight" && !step && place.x > from.x && closer ||
			key === "ArrowLeft" && !step && place.x < from.x && closer)
			best = index;
	});
	return best;
}

function press(event) {
	const to = !event.key.startsWith("Arrow") ? -1 : marked < 0 ? zoomed : next(event.key);

	if (event.key === "Enter" && marked >= 0)
		zoom(marked);
	else if (event.key === "Escape")
		zoom(0);
	else if (!event.key.startsWith("Arrow"))
		return;
	if (to >= 0)
		mark(to);
	event.preventDefault();
}

for (const view of views) {
	const cellAt = event => +(event.target.closest("g[data-i]")?.dataset.i ?? -1);

	view.setAttribute("tabindex", "0");
	view.addEventListener("pointermove", event => cellAt(event) >= 0 && cellAt(event) !== marked && mark(cellAt(event)));
	view.addEventListener("pointerleave", () => mark(-1));
	view.addEventListener("click", event => cellAt(event) >= 0 && zoom(cellAt(event)));
	view.addEventListener("keydown", press);
}
if (host) {
	mark(-1);
	host.dataset.ready = "yes";
}
}
