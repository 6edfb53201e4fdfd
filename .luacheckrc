std = "max"
self = false
max_line_length = 110
exclude_files = {"build"}
-- Specs hold whole messages.
files["spec"] = {std = "max+busted", max_line_length = 140, ignore = {"512"}}
-- A fuzz target finds the module there.
files["spec/fuzz/targets"] = {read_globals = {"fuzz"}}
-- A job file finds the library there.
files["examples"] = {read_globals = {"parallel"}}
files["scripts/bench/jobs"] = {read_globals = {"parallel"}}
