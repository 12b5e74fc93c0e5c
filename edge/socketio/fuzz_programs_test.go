package socketio_test

import "strings"

// programs are where FuzzSession begins: between them they have every kind of step in them. See world.do for what the letters mean; packets of one
// POST are separated by |, which stands for the separator of Engine.IO 4.
var programs = prepare(
	// A life by polling, in both generations, and one on a WebSocket.
	`p1EIO=4 m140 g1 m142["echo",1]|42["echo",2] g1 m1421["ack","x"] g1 +325 g1 m13 m141 g1 m140 g1 k1`,
	`p1EIO=3 m142["echo","ü😀"] g1 m12 g1 m12probe g1 m140/early?a=b,|40/back, g1 m11 g1`,
	`w1EIO=4 m140 m142["echo",1] m1420["keep"] m142["answer"] +300 s13 +300 s13 c1`,
	`w1EIO=3 m142["echo",1] s12 s12probe m140/refuse, m140/nowhere?x=y, i1ping +499 s12 +501`,
	// Binary data, right and wrong.
	`w1EIO=4 m140 m1452-["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]|bone|btwo m1451-7["ack",{"_placeholder":true,"num":0}]|bx S0call S0news`,
	`p1EIO=4 m140 g1 m1451-["echo",{"_placeholder":true,"num":0}]|b g1 S0news g1 m1453-["keep"]|ba|bb m142["echo"] g1`,
	`p1EIO=3&b64=1 m1451-["echo",{"_placeholder":true,"num":0}]|bdata g1 S0news g1`,
	`p1EIO=3 m1451-["echo",{"_placeholder":true,"num":0}]|bdata g1 S0news g1 o1hello`,
	`w1EIO=4&b64=1 m140 S0news s1451-["echo",{"_placeholder":true,"num":0}] s1bAQID s1b? S0news`,
	`w1EIO=3 s1451-["echo",{"_placeholder":true,"num":0}] a1x w2EIO=4 m240 a2x w3EIO=4 m340 m3451-["echo",{"_placeholder":true,"num":3}]|bx`,
	// The upgrade: with traffic, in every order, twice, not at all.
	`p1EIO=4 m140 g1 g1 u1 s12probe S0echo g1 s15 m142["echo",1] S0echo +350 s13`,
	`p1EIO=3 g1 u1 S0news s12probe S0news s15 s12 m142["echo",1]`,
	`p1EIO=4 m140 g1 u1 s15 m142["echo",1] u1 s12probe s15`,
	`p1EIO=4 m140 g1 u1 s12probe u1 s12probe s15 s1garbage U1 +101 g1 S0echo g1`,
	`p1EIO=4 m140 g1 g1 u1 s12probe m142["close"] s15 g1`,
	`p1EIO=4 m140 g1 u1 s1x U1 k1 u1 a1x g1 t142["echo"] g1`,
	// Requests that overlap, are given up, or make no sense.
	`p1EIO=4 m140 g1 &g1 &g1 g1`, `p1EIO=4 m140 &g1 x1 g1 S0echo`, `p1EIO=4 H0 &m140 &m140 R0 g1`,
	`p1EIO=4 t1 t1x t14x t12 o14 t142["echo"]`, `p1EIO=4 rGET rPOST rPUT r1PUT_EIO=4&transport=polling&sid=$ r1OPTIONS_EIO=4&transport=polling r1GET_EIO=5&transport=polling`,
	`w1EIO=4 f1garbage w2EIO=4 c2 w3EIO=4 s340 s340 w4EIO=4 s342["x"] w5EIO=4 s540/early, s541/early, s540/early,`,
	// What applications do while clients come and go.
	`w1EIO=4&as=/expel s140 w2EIO=4&as=/close s240 w3EIO=4 s340/fault, s340/panic, s340/refuse, w4EIO=3&as=/refuse p5EIO=3&as=/close g5 p6EIO=3&as=/expel g6`,
	`w1EIO=4 m140 m142["leave"] m142["echo"] m140 m142["close"] m140 w2EIO=4 m240 m242["fault"]|42["panic"] S1leave S2close`,
	`w1EIO=4 s140/back, S0news k1 w2EIO=4 s240/back,{"pid":"key.12345678901234567890","offset":"7"} S1news w3EIO=4 s340/back,{"pid":"key.12345678901234567890","offset":"lost"} w4EIO=3 s440/back,`,
	`W1EIO=4 s140 S0large S0large S0large S0large p2EIO=4 m240 S1large S1large S1large S1large g2`,
	`w1EIO=4 H0 &s140 &s142["echo"] k1 R0`, `p1EIO=4 m140 H0 &m142["echo"] &m11 x1 R0 g1`,
	// Time, and the end.
	`w1EIO=4 m140 +501`, `w1EIO=4 +401`, `p1EIO=4 m140 g1 +301 g1 +201 g1`, `p1EIO=3 +499 m12 +499 m12 +501 g1`,
	`w1EIO=4 m140 p2EIO=4 m240 g2 g2 p3EIO=3 u3 z0 g3 w4EIO=4`, `p1EIO=4 m140 S0echo z0 +2999 g1 g1`, `W1EIO=4 m140 S0large H0 &s142["echo"] z0 Z0 R0`,
	`p1EIO=4 m140 g1 S0close +29999 g1 g1`, `w1EIO=4 w2EIO=4 w3EIO=4 w4EIO=4 w5EIO=4 w6EIO=4 k1 w7EIO=4`,
)

// prepare makes programs of what is easier to read.
func prepare(texts ...string) []string {
	for i, text := range texts {
		lines := strings.Fields(strings.ReplaceAll(text, "|", "\x1e"))
		for j, line := range lines {
			if strings.HasPrefix(line, "r") {
				lines[j] = strings.ReplaceAll(line, "_", " ")
			}
		}
		texts[i] = strings.Join(lines, "\n")
	}
	return texts
}
