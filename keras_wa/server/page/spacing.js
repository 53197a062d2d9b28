// The pixel spacing of an image: from its file, or entered or chosen by the user.

const $ = (id) => document.getElementById(id);
const LEAST = 0.005, MOST = 1; // mm, the limits of the service.

// Parses an entered spacing with a point or a comma; null if it is invalid.
export function entered() {
  const text = $("spacing").value.trim(), value = Number(text.replace(",", "."));
  return text && value >= LEAST && value <= MOST ? value : null;
}

// Spacing of rows and of columns, mm; null if it is unknown.
export function of(view) {
  const own = entered();
  return view?.spacing_mm ?? (own ? [own, own] : null);
}

// The error in the entered spacing, or "".
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

// Shows the spacing of the file, or else the field to enter it.
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
