# Compiles every shader of a folder with glslang and embeds the SPIR-V in a library.
#
# A shader declares its variants on one line:
#   // variants: WEIGHT=f32|q4_1 KV=f32|f16
# Each combination is one kernel, named `stem` or `stem/f32/f16`, compiled with -DWEIGHT=f32 -DWEIGHT_f32 and so on.
# A line `// optional: reason` marks a shader that an older glslang may not express: it is left out with a message.
find_program(GLSLANG NAMES glslang glslangValidator REQUIRED)

function(lorikeet_embed_shaders target folder)
  file(GLOB shaders CONFIGURE_DEPENDS ${folder}/*.comp)
  file(GLOB includes CONFIGURE_DEPENDS ${folder}/*.h ${folder}/common/*.glsl)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/spirv)
  file(MAKE_DIRECTORY ${out})
  set(headers "")
  set(index_includes "")
  set(index_rows "")
  foreach(shader ${shaders})
    get_filename_component(stem ${shader} NAME_WE)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${shader})
    file(STRINGS ${shader} variant_line REGEX "^// variants:" LIMIT_COUNT 1)
    file(STRINGS ${shader} optional_line REGEX "^// optional:" LIMIT_COUNT 1)
    # `combinations` holds one item a kernel: values joined by "/", macros joined by ",".
    set(combinations "|")
    string(REGEX REPLACE "^// variants: *" "" variant_line "${variant_line}")
    separate_arguments(axes UNIX_COMMAND "${variant_line}")
    foreach(axis ${axes})
      string(REGEX MATCH "^([A-Z0-9_]+)=(.+)$" matched "${axis}")
      set(macro ${CMAKE_MATCH_1})
      string(REPLACE "|" ";" values "${CMAKE_MATCH_2}")
      set(longer "")
      foreach(item ${combinations})
        foreach(value ${values})
          string(REGEX MATCH "^([^|]*)[|](.*)$" matched "${item}")
          list(APPEND longer "${CMAKE_MATCH_1}/${value}|${CMAKE_MATCH_2},-D${macro}=${value},-D${macro}_${value}=1")
        endforeach()
      endforeach()
      set(combinations ${longer})
    endforeach()
    foreach(item ${combinations})
      string(REGEX MATCH "^([^|]*)[|](.*)$" matched "${item}")
      set(kernel ${stem}${CMAKE_MATCH_1})
      string(REPLACE "," ";" macros "${CMAKE_MATCH_2}")
      list(REMOVE_ITEM macros "")
      string(MAKE_C_IDENTIFIER "k_${kernel}" symbol)
      set(header ${out}/${symbol}.h)
      set(command ${GLSLANG} --quiet --target-env vulkan1.1 -V -S comp ${macros} -I${PROJECT_SOURCE_DIR} -I${folder} --vn ${symbol} -o ${header} ${shader})
      if(optional_line)
        execute_process(COMMAND ${command} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
        if(failed)
          message(STATUS "shaders: ${kernel} is left out: ${GLSLANG} cannot express it")
          continue()
        endif()
      endif()
      add_custom_command(OUTPUT ${header} COMMAND ${command} DEPENDS ${shader} ${includes} COMMENT "shader ${kernel}" VERBATIM)
      list(APPEND headers ${header})
      string(APPEND index_includes "#include \"spirv/${symbol}.h\"\n")
      string(APPEND index_rows "    {\"${kernel}\", ${symbol}},\n")
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/embedded.cpp @ONLY CONTENT
"// Generated: every kernel's SPIR-V.
#include <cstdint>
@index_includes@
#include \"shaders/embedded.h\"

namespace lorikeet {
namespace {
const EmbeddedShader kShaders[] = {
@index_rows@};
}  // namespace

std::span<const EmbeddedShader> embedded_shaders() { return kShaders; }

std::span<const uint32_t> embedded_shader(std::string_view name) {
  for (const EmbeddedShader& shader : kShaders)
    if (shader.name == name) return shader.words;
  return {};
}
}  // namespace lorikeet
")
  add_library(${target} STATIC ${CMAKE_CURRENT_BINARY_DIR}/embedded.cpp ${headers})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
