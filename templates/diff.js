// The three pictures as one: what is pointed at or chosen by arrow keys in one is marked in all, and told below them. The page is whole without.
"use strict";
{
const host = document.getElementById("pictures"), detail = document.getElementById("detail");
const views = host ? [...host.querySelectorAll("svg")] : [];
let marked = -1;

const places = views.length ? [...views[0].querySelectorAll("g[data-i]")].map(cell => {
	const rect = cell.querySelector("rect");
	return {x: +rect.getAttribute("x"), y: +rect.getAttribute("y"), width: +rect.getAttribute("width")};
}) : [];

function mark(index) {
	for (const view of views) {
		const cells = view.querySelectorAll("g[data-i]");
		cells[marked]?.classList.remove("marked");
		cells[index]?.classList.add("marked");
	}
	marked = index;
	detail.textContent = index < 0 ? "" : views[0].querySelectorAll("g[data-i]")[index].querySelector("title").textContent.replace("\n", ": ");
}

// The cell that lies there from the marked one: its caller, its first callee, its neighbours.
function next(key) {
	const from = places[marked];
	let best = -1;
	places.forEach((place, index) => {
		const inside = place.x >= from.x - .05 && place.x + place.width <= from.x + from.width + .05;
		const around = place.x <= from.x + .05 && place.x + place.width >= from.x + from.width - .05;
		const step = place.y - from.y, closer = best < 0 || Math.abs(place.x - from.x) < Math.abs(places[best].x - from.x);
		if (key === "ArrowDown" && step > 0 && step < 25 && inside && closer ||
			key === "ArrowUp" && step < 0 && step > -25 && around ||
			key === "ArrowRight" && !step && place.x > from.x && closer ||
			key === "ArrowLeft" && !step && place.x < from.x && closer)
			best = index;
	});
	return best;
}

for (const view of views) {
	view.setAttribute("tabindex", "0");
	view.addEventListener("pointermove", event => {
		const cell = event.target.closest("g[data-i]");
		if (cell && +cell.dataset.i !== marked)
			mark(+cell.dataset.i);
	});
	view.addEventListener("pointerleave", () => mark(-1));
	view.addEventListener("keydown", event => {
		if (!event.key.startsWith("Arrow"))
			return;
		const to = marked < 0 ? 0 : next(event.key);
		if (to >= 0)
			mark(to);
		event.preventDefault();
	});
}
if (host)
	host.dataset.ready = "yes";
}
