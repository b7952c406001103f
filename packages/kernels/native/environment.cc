// Sets environment variables of the process. OpenMP reads its settings when its library is loaded, before the kernels'
// own code can run, and in a worker thread `process.env` is only a copy: so this is an addon of its own, loaded first.
// setDefault(name, value): sets the variable unless it is set already.
#include <node_api.h>

#include <cstdlib>

static napi_value setDefault(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  char name[64], value[64];
  size_t length;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok && count == 2 &&
      napi_get_value_string_utf8(env, arguments[0], name, sizeof name, &length) == napi_ok &&
      napi_get_value_string_utf8(env, arguments[1], value, sizeof value, &length) == napi_ok) {
    setenv(name, value, 0);
  }
  return nullptr;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "setDefault", NAPI_AUTO_LENGTH, setDefault, nullptr, &function);
  napi_set_named_property(env, exports, "setDefault", function);
  return exports;
}
