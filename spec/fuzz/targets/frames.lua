-- Frames arrive as they were sent, in pieces of any size: see spec/fuzz/frames.c.
return fuzz.frames
