-- The world that a script lives in: its globals, and require. Internal: scripts do not require it.
-- Called with `private`: raise, nearest, libs (a set of names), embedded(name) -> text or nil, read_module(name) -> text, file or
-- nil, message, print(text).
-- Gives the table of globals. Guards against accidents, not against malice.
local private = ...
local libs, raise = private.libs, private.raise
local env = {}

for name in ([[assert error ipairs next pairs pcall xpcall select tonumber tostring type unpack rawequal rawget rawset getmetatable
  setmetatable _VERSION]]):gmatch "%S+" do
  env[name] = _G[name]
end

-- A library of the script's own: what it puts there, or takes away, is not seen by the program's modules.
local function copy(from, name_of, without)
  local to = {}
  for name, value in pairs(from) do
    if name ~= without then to[name] = value end
  end
  return setmetatable(to, {
    __index = function(_, name)
      if name == without then raise(name_of .. "." .. name .. " is not there for scripts: bytecode is refused") end
    end,
  })
end

-- What is there only when script.libs says so, and for what it has to say it.
local needs = {
  io = "io", debug = "debug", ffi = "ffi", jit = "jit", package = "package.loadlib", loadfile = "io", dofile = "io",
}
local never = {
  collectgarbage = "the collector is left alone", getfenv = "environments are fixed", setfenv = "environments are fixed",
  module = "return a table instead", newproxy = "use setmetatable", coroutine = "a hook cannot wait; use r:retry(ms) or timers",
}

-- What is there as a module, under the name that one would give it.
local to_require = { mirror = "mirror" }
for name in ("filter header json mask sample window"):gmatch "%S+" do to_require[name] = "mirror." .. name end

env._G = env
env.string, env.table, env.math, env.bit = copy(string, "string", "dump"), copy(table), copy(math), copy(require "bit")
getmetatable("").__index = env.string -- what a script adds to string is a method, as everywhere
env.os = libs.os and os
  or setmetatable({ time = os.time, date = os.date, clock = os.clock }, {
    __index = function(_, name)
      raise("os." .. tostring(name) .. " is not there for scripts; script.libs = os brings it")
    end,
  })
if libs.io then env.io, env.loadfile, env.dofile = io, loadfile, dofile end
if libs.debug then env.debug = debug end
if libs.jit then env.jit = jit end
if libs.ffi then env.ffi = private.ffi end
if libs["package.loadlib"] then env.package = { loadlib = package.loadlib } end

function env.print(...)
  local words = { ... }
  for i = 1, select("#", ...) do words[i] = tostring(words[i]) end
  private.print(table.concat(words, "\t"))
end

-- Text only: what bytecode does cannot be known.
local function compile(text, name, globals)
  if type(text) ~= "string" then raise("a chunk is a string, not a " .. type(text)) end
  if text:byte(1) == 27 then raise((name:gsub("^[@=]", "")) .. " is bytecode; scripts are text") end
  return load(text, name, "t", globals)
end

function env.load(text, name, _, globals)
  return compile(text, name or "=load", globals or env)
end
env.loadstring = env.load

local loaded, loading = { bit = env.bit, string = env.string, table = env.table, math = env.math, os = env.os }, {}

-- A name that a module of the library has not is a slip of the pen, not nil.
function private.no_field(module, field, there)
  return module .. " has no '" .. tostring(field) .. "'" .. private.nearest(field, there)
end

local function load_embedded(text, name)
  local globals = setmetatable({ require = env.require }, { __index = _G })
  local chunk, message = compile(text, "=lua/" .. name:gsub("%.", "/") .. ".lua", globals)
  if not chunk then error(message, 0) end
  local module = chunk(private)
  if type(module) == "table" and getmetatable(module) == nil then
    setmetatable(module, { __index = function(_, field) raise(private.no_field(name, field, module)) end })
  end
  return module
end

local function load_module(name)
  local embedded = private.embedded(name)
  if embedded then return load_embedded(embedded, name) end
  local text, file = private.read_module(name)
  if not text then error({ file }) end -- said by require
  local chunk, message = compile(text, "@" .. file, env)
  if not chunk then error(message, 0) end
  return chunk(name)
end

function env.require(name)
  if type(name) ~= "string" then raise("require takes a module's name, not a " .. type(name)) end
  if loaded[name] ~= nil then return loaded[name] end
  if needs[name] then return env[name] end
  if loading[name] then raise("the module '" .. name .. "' requires itself") end
  loading[name] = true
  local ok, module = pcall(load_module, name)
  loading[name] = nil
  if not ok and type(module) == "table" and type(module[1]) == "string" then raise(module[1]) end
  if not ok then error(module, 0) end
  loaded[name] = module == nil and true or module
  return loaded[name]
end
private.require = env.require

return setmetatable(env, {
  __index = function(_, name)
    if needs[name] then raise(name .. " is not there for scripts; script.libs = " .. needs[name] .. " brings it") end
    if never[name] then raise(name .. " is not there for scripts: " .. never[name]) end
    if to_require[name] then
      raise("'" .. name .. "' is not defined; write local " .. name .. " = require \"" .. to_require[name] .. '"')
    end
    raise("'" .. tostring(name) .. "' is not defined" .. private.nearest(name, env))
  end,
  __newindex = function(_, name)
    raise("'" .. tostring(name) .. "' is not declared: write local " .. tostring(name) .. ", or put it into a table")
  end,
  __metatable = "globals of a script",
})
