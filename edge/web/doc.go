// Package web is the page that people see in a browser, embedded into the binary.
//
// It does not know the API or the chat: it hands out files with the headers that keep a page safe. For now that is one plain page which
// says that the server runs and how to talk to it; the one thing to know is that it loads nothing from anywhere else.
package web
