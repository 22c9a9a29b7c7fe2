/* Draws what a page names (data-map: GeoJSON of ours) with Leaflet, on no background: nothing is asked of anybody else.
   Without Leaflet, or without script, the table beside says the same. */
"use strict";
for (const place of document.querySelectorAll("[data-map]")) {
  const map = L.map(place, { zoomControl: false, attributionControl: false, keyboard: true, renderer: L.svg({ padding: 0 }) });
  L.control.zoom({ zoomInTitle: place.dataset.zoomIn, zoomOutTitle: place.dataset.zoomOut, zoomOutText: "-" }).addTo(map);
  fetch(place.dataset.map, { credentials: "same-origin" })
    .then((answer) => answer.json())
    .then((features) => {
      const ink = getComputedStyle(place).getPropertyValue("--desk-act").trim() || "#2044aa";
      const style = { color: ink, weight: 2, fillOpacity: 0.25 };
      const layer = L.geoJSON(features, {
        style,
        pointToLayer: (feature, at) => L.circleMarker(at, { ...style, radius: 5 }),
        onEachFeature: (feature, drawn) => {
          const said = document.createElement("span");
          said.textContent = feature.properties.label || `${place.dataset.row || ""} ${feature.properties.row || ""}`.trim();
          if (said.textContent) drawn.bindTooltip(said);
        },
      }).addTo(map);
      map.fitBounds(layer.getBounds().pad(0.1), { maxZoom: 15 });
    })
    .catch(() => place.remove());
}
