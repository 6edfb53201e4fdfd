-- Nobody is content with what the other side did not say: see spec/fuzz/handshake.c.
return fuzz.handshake
