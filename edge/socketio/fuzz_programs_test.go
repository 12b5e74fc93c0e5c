package socketio_test

import "strings"

// programs are where FuzzSession starts from. Together they have every kind of step:
//
//	p w W u U    opens by polling, by WebSocket, by one that nobody reads; the same beside polling (u, U)
//	g x          polls; gives up the requests that wait
//	m            sends packets, \x1e between them, as a library would; an attachment has a b in front
//	t o b r      posts a body of text, of octets, or one that does not end; any other request, in which $ is what names the session
//	s a i c f k  writes to the WebSocket: text, binary data, a ping, a close frame, any bytes; or cuts it
//	S            lets the server do to a socket what an event of that name makes it do
//	+ H R        lets time pass, in milliseconds; holds handlers from now on; releases them
//	z Z          shuts the server down, with patience or without
var programs = []string{
	// Both generations on both transports: events, acknowledgements, calls, heartbeats, and a goodbye.
	"p0EIO=4\nm040\ng0\nm042[\"echo\",1,\"你\"]\ng0\nm0421[\"ack\",{}]\ng0\nS0call\ng0\nm0430[1]\n+0200\n&g0\n+0200\nm03\nm01",
	"p0EIO=3\nm042[\"echo\",1,\"你😀\"]\ng0\nm0421[\"ack\",{}]\ng0\nS0call\ng0\nm0430[1]\n+0400\nm02\ng0\nm040/early\ng0\nm01",
	"w0EIO=4\nm040\nm042[\"echo\",1]\nm0421[\"ack\"]\nS0call\nm0430[1]\n+0350\nm03\n+0350\ni0x\nc0\x03\xe8\n+1",
	"w0EIO=3\nm042[\"echo\",1]\nm0421[\"ack\"]\nS0call\nm0430[1]\n+0400\nm02x\n+0400\nm040/early?a=b,\nm041/early\nk0",
	"p0EIO=4\nm040\np2EIO=5\nw1\np2EIO=\nrGET transport=smoke&EIO=4\nr0PUT $\nr0OPTIONS $\nr0POST transport=polling&EIO=4\nr0GET EIO=4&transport=polling&sid=nobody",

	// Binary data, with right attachments and wrong ones, with and without frames for it.
	"p0EIO=4\nm040\nm0451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1ebxyz\ng0\nm0452-7[\"ack\",{\"_placeholder\":true,\"num\":1}]\nm0b1\nm0b2\ng0\nS0news\ng0\nS0echo\ng0",
	"p0EIO=3\nm0451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1ebxyz\ng0\no0\x00\x04\x01\xff451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x01\x03\xff\x04ab\ng0\np1EIO=3&b64=1\nS1echo\ng1",
	"w0EIO=4\nm040\nm0452-[\"echo\",{\"_placeholder\":true,\"num\":1}]\x1ebx\x1e3\x1eby\nw1EIO=4&b64=1\nm140\nS1news\ns1451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\ns1bAP8=\nm051-[]",
	"w0EIO=3\nm0451-[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1ebx\nS0news\nw1EIO=3&b64=1\nS1news\nS1call\nm1461-0[{\"_placeholder\":true,\"num\":0}]\x1eby\na1\x05",
	"w0EIO=4\nm040\nm0451-[\"a\"]\x1e42[\"a\"]\nw1EIO=4\nm140\nm1b\nw2EIO=4\nm240\nm2451-[\"a\",{\"_placeholder\":true,\"num\":1}]\x1ebx\nw3EIO=4\nm340\nm3459-[\"a\"]",
	"p0EIO=4\nm040\no0\x00\x01\xff3\np1EIO=4\nm140\nt1451-[\"a\"]\x1ebnot base64\np2EIO=3\no2\x01\x02\xff\x03a\np3EIO=3\nt3b4",

	// Namespaces: what may happen on the way in, more than one, recovery, and who takes whom out.
	"w0EIO=4\nm040/early,\nm040/refuse,\nm040/fault\nm040/panic\nm040/nowhere,{}\nm040/expel\nm042/expel,[\"echo\"]\nm040/expel\nm041/early,\nm040/early\nm040/early",
	"p0EIO=4\nm040/close\x1e42/close,[\"echo\"]\ng0\ng0\np1EIO=3&as=/refuse\ng1\np2EIO=3&as=/early\nw3EIO=3&as=/expel\nw4EIO=3&as=/close",
	"w0EIO=4\nm040/back\nS0news\nk0\nw1EIO=4\nm140/back,{\"pid\":\"key.12345678901234567890\",\"offset\":\"7\"}\nS1news\nm141/back\nm140/back,{\"pid\":\"key.12345678901234567890\",\"offset\":\"lost\"}\nS2news",
	"w0EIO=4\nm040\nm040/early\nm040/back\nm042[\"leave\"]\nm042[\"echo\"]\nS1leave\nm042/early,[\"echo\"]\nm040\nS2close\n+1",
	"p0EIO=4\nm040\nm042[\"close\"]\x1e42[\"echo\"]\ng0\ng0\ng0\np1EIO=4\nm140\nm141\nm142[\"echo\"]\ng1",
	"w0EIO=4\nm040\nm042[\"fault\"]\nm042[\"panic\"]\nm042[\"disconnect\"]\nw1EIO=4\nm140\nm142[\"keep\"]\nm1429[\"keep\"]\nS1answer\nm142[\"answer\"]\nm142[\"call\",1]\nm141",

	// Requests in each other's way, given up, too large, unreadable.
	"p0EIO=4\nm040\n&g0\n&g0\ng0\np1EIO=4\nm140\ng1\ng1\nx1\np2EIO=4\nH\nm240\nm242[\"echo\"]\nR\ng2",
	"p0EIO=4\n&m040\n&m042[\"echo\"]\n&g0\n&x0\ng0\np1EIO=4\nm140\ng1\nm11\np2EIO=4\nm240\nm21\ng2\n+1500",
	"p0EIO=4\nt0\nt040\x1e\x1e\nt0x\np1EIO=4\nt142[\"echo\"]\np2EIO=4\nt244{}\np3EIO=4\nt32\np4EIO=3\nt41:3\np5EIO=4\np6EIO=4",
	"p0EIO=4\nm040\nm042[\"large\"]\nm042[\"large\"]\nm042[\"large\"]\nW1EIO=4\nm140\nS1large\nS1large\nS1large\nS1large\n+2000",

	"p0EIO=4\nm040\nt0" + strings.Repeat("x", 1001) + "\nb042[\"echo\"]\nx0\ng0\np1EIO=4\nm140\nb140\n+600\np2EIO=3\nb2" + strings.Repeat("x", 1001) + "\n+6000\nx0\nx2",

	// A WebSocket takes over from polling, with packets on their way; or it does not.
	"p0EIO=4\nm040\ng0\ng0\nu0\ns02probe\ng0\nS0echo\ng0\nS0news\nS0echo\nm042[\"echo\"]\ns05\nm042[\"echo\"]\nS0news\nc0\x03\xe8",
	"p0EIO=3\ng0\nu0\ns02probe\nS0news\nm042[\"echo\"]\nS0echo\ns05\nm042[\"echo\"]\nu0\ns02probe\ns05\nk0",
	"p0EIO=3&b64=1\nu0&b64=1\n&s02probe\n&g0\n&S0news\n&s05\n&m042[\"echo\"]\n&S0news\n+1",
	"p0EIO=4\nm040\n&g0\n&u0\n&s02probe\n&s05\n&m042[\"echo\"]\n&S0echo\n+1\nm03",
	"p0EIO=4\nm040\nu0\ns05\nm042[\"echo\"]\np1EIO=4\nm140\nu1\ns12probe\ns12probe\nu1\ns15\ns15\n+0150\nm142[\"echo\"]",
	"p0EIO=4\nm040\nu0\ns02\nu0\na02probe\nu0\ns02probe\nk0\nu0\nf0\x81\x05garbage\nU0\ns02probe\n+0150\nu0\n+0150\ng0\ng0",
	"p0EIO=4\nm040\nu0\ns02probe\nS0close\ns05\n+1\np1EIO=4\nm140\nu1\ns12probe\ng1\nm11\ns15\n+1500",

	// Silence, and what is no WebSocket.
	"p0EIO=4\n+0450\np1EIO=4\nm140\n+0350\ng1\n+0250\ng1\nw2EIO=4\n+0600\nw3EIO=3\n+0550\nW4EIO=4\nm440\n+0600",
	"w0EIO=4\nm040\nf0\x00\x01\x02\nw1EIO=4\nm140\nf1\xc1\x80abcd\nw2EIO=4\nm240\ns2\nw3EIO=4\nm340\na3\n+2000",
	"w0EIO=4\nm040\nf0\x89\xfe\x01\x00\nw1EIO=3\na1\nw2EIO=4\nm22\nw3EIO=4\nm31\nm35\nm36\nc3\n+2000",
	"p0EIO=4\nm040\nS0close\n+29999\ng0\ng0\nw1EIO=4\nw2EIO=4\nw3EIO=3\nw4EIO=3\nw5EIO=3\nw6EIO=4\nk1\nw7EIO=4",
	"p0EIO=3\n+499\nm02\n+499\nm02\n+501\ng0\np1EIO=4\nm140\nS1close\n+30001\ng1",

	// The server goes, with clients in every state, handlers at work, and more clients coming.
	"p0EIO=4\nm040\ng0\np1EIO=3\ng1\nw2EIO=4\nm240\nW3EIO=4\nm340\nS3news\np4EIO=4\nm440\nu4\ns42probe\nz\np5EIO=4\nw5EIO=4\ng1\n+5000",
	"p0EIO=4\nH\nm040\np1EIO=3\nw2EIO=3\nw3EIO=4\nm340\nS0leave\nS1close\nZ\ng0\nR\n+1",
	"w0EIO=4\nm040\nm040/early\nH\nm042[\"echo\"]\nm042[\"ack\"]\nS0leave\nS1news\nk0\nz\nR\nS0echo",
	"p0EIO=4\nm040\nH\nt042[\"echo\"]\x1e42[\"call\"]\x1e41\nu0\ns02probe\ns05\nm042[\"keep\"]\nS0close\nR\ng0\n+1",
}
