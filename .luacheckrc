std = "max"
max_line_length = 110
exclude_files = {"build"}
files["spec"] = {std = "max+busted"}
files["examples"] = {read_globals = {"parallel"}} -- a job file finds it there
