// Package page makes the report for people: one HTML file that needs no
// network, no script and no font.
//
//	results.Session ──▶ view: what is said, in words ──▶ page.html ──▶ report.html
//	                      │                               page.css
//	      results.Plot ──▶ draw: cleaned, ranged, drawn by gonum/plot ──▶ inline SVG
//
// An engineer reads it from the top: did it hold, where was that, was the place
// fit for it, what are the figures, and last what exactly was run.
//
// Pictures have names of CSS colours instead of colours, so that they are right
// on a light page, a dark one and on paper. Their text stays text: it is placed
// by the metrics of Liberation Sans, which Arial, Helvetica and Arimo share.
package page
