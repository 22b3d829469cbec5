-- Scripts and the library run in LuaJIT.
std = "luajit"
max_line_length = 150
self = false
-- not (x >= y) is not x < y: it refuses what is no number.
ignore = { "581" }
