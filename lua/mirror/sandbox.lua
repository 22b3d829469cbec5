-- The world that a script lives in: its globals, and require. Internal: scripts do not require it.
-- Called with `private`: libs (a set of names), embedded(name) -> text or nil, read_module(name) -> text, file or nil, message, print(text).
-- Gives the table of globals. Guards against accidents, not against malice.
local private = ...
local libs = private.libs
local env = {}

for name in ([[assert error ipairs next pairs pcall xpcall select tonumber tostring type unpack rawequal rawget rawset getmetatable
  setmetatable _VERSION]]):gmatch "%S+" do
  env[name] = _G[name]
end

local function copy(from, without)
  local to = {}
  for name, value in pairs(from) do
    if name ~= without then to[name] = value end
  end
  return to
end

-- What is there only when script.libs says so, and for what it has to say it.
local needs = {
  io = "io", debug = "debug", ffi = "ffi", jit = "jit", package = "package.loadlib", loadfile = "io", dofile = "io",
}
local never = {
  collectgarbage = "the collector is left alone", getfenv = "environments are fixed", setfenv = "environments are fixed",
  module = "return a table instead", newproxy = "use setmetatable", coroutine = "a hook cannot wait; use r:retry(ms) or timers",
}

env._G = env
env.string, env.table, env.math, env.bit = copy(string, "dump"), copy(table), copy(math), copy(require "bit")
env.os = libs.os and os
  or setmetatable({ time = os.time, date = os.date, clock = os.clock }, {
    __index = function(_, name)
      error("os." .. tostring(name) .. " is not there for scripts; script.libs = os brings it", 2)
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
  if type(text) ~= "string" then error("a chunk is a string, not a " .. type(text), 3) end
  if text:byte(1) == 27 then error((name:gsub("^[@=]", "")) .. " is bytecode; scripts are text", 3) end
  return load(text, name, "t", globals)
end

function env.load(text, name, _, globals)
  return compile(text, name or "=(load)", globals or env)
end
env.loadstring = env.load

local loaded, loading = { bit = env.bit, string = env.string, table = env.table, math = env.math, os = env.os }, {}

local function load_module(name)
  local text, file, chunk, message = private.embedded(name), nil, nil, nil
  if text then
    chunk, message = compile(text, "@lua/" .. name:gsub("%.", "/") .. ".lua", setmetatable({ require = env.require }, { __index = _G }))
    if not chunk then error(message, 0) end
    return chunk(private)
  end
  text, file = private.read_module(name)
  if not text then error(file, 3) end
  chunk, message = compile(text, "@" .. file, env)
  if not chunk then error(message, 0) end
  return chunk(name)
end

function env.require(name)
  if type(name) ~= "string" then error("require takes a module's name, not a " .. type(name), 2) end
  if loaded[name] ~= nil then return loaded[name] end
  if name == "ffi" or name == "jit" or name == "io" or name == "debug" then return env[name] end
  if loading[name] then error("the module '" .. name .. "' requires itself", 2) end
  loading[name] = true
  local ok, module = pcall(load_module, name)
  loading[name] = nil
  if not ok then error(module, 0) end
  loaded[name] = module == nil and true or module
  return loaded[name]
end
private.require = env.require

return setmetatable(env, {
  __index = function(_, name)
    if needs[name] then error(name .. " is not there for scripts; script.libs = " .. needs[name] .. " brings it", 2) end
    if never[name] then error(name .. " is not there for scripts: " .. never[name], 2) end
    error("'" .. tostring(name) .. "' is not defined" .. private.nearest(name, env), 2)
  end,
  __newindex = function(_, name)
    error("'" .. tostring(name) .. "' is not declared: write local " .. tostring(name) .. ", or put it into a table", 2)
  end,
  __metatable = "globals of a script",
})
