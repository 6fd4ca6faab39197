// The scalar types that params structs are made of, for both compilers.
#ifndef LORIKEET_SHADERS_TYPES_H
#define LORIKEET_SHADERS_TYPES_H
#ifdef __cplusplus
#include <cstdint>
namespace lorikeet::shader {
using uint = uint32_t;
}
#define LK_PARAMS_BEGIN namespace lorikeet::shader {
#define LK_PARAMS_END }
#else
#define LK_PARAMS_BEGIN
#define LK_PARAMS_END
#endif
#endif
