// The pixel spacing of an image: what its file states, or what is entered or chosen.

const $ = (id) => document.getElementById(id);
const LEAST = 0.005, MOST = 1; // mm, as the service takes it.

// As it is typed, with a point or a comma; null where that is no spacing.
export function entered() {
  const text = $("spacing").value.trim(), value = Number(text.replace(",", "."));
  return text && value >= LEAST && value <= MOST ? value : null;
}

// Between rows and between columns, mm; null where it is unknown.
export function of(view) {
  const own = entered();
  return view?.spacing_mm ?? (own ? [own, own] : null);
}

// What is wrong with what is typed; "" if nothing is.
export function problem() {
  const text = $("spacing").value.trim();
  return text && !entered() ? `Pixel spacing. Received: ${text}; expected ${LEAST} to ${MOST} mm.` : "";
}

export function inWords(values, from) {
  const texts = [...new Set(values.map((value) => String(Number(value.toPrecision(3)))))];
  return `${texts.join(" × ")} mm (${from === "option" ? "as entered" : from})`;
}

export function clear() {
  $("spacing").value = $("choice").value = "";
}

// What the file states, or else the field.
export function show({ spacing_mm, spacing_from }) {
  $("entered").hidden = spacing_mm !== null;
  $("stated").hidden = spacing_mm === null;
  if (spacing_mm) $("stated").textContent = `Pixel spacing: ${inWords(spacing_mm, spacing_from)}`;
}

export function listen(changed) {
  $("spacing").addEventListener("input", () => {
    $("choice").value = "";
    changed();
  });
  $("choice").addEventListener("change", () => {
    $("spacing").value = $("choice").value;
    if (!$("choice").value) $("spacing").focus();
    changed();
  });
}
