package web

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed index.html.tmpl
var index string

//go:embed static
var static embed.FS

// policy lets a page load what comes from the same server and nothing else, and nobody frame it.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Handler serves the page at "/" and its files beside it; for anything else it answers 404.
func Handler() http.Handler {
	page := template.Must(template.New("").Parse(index))
	files, err := fs.Sub(static, "static")
	if err != nil { // the folder is part of the binary
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		page.Execute(w, r.Host) // fails only where the browser has gone
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		mux.ServeHTTP(w, r)
	})
}
