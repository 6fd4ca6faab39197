# What `cmake --install` lays down: the library (three archives, one target to link: lorikeet::lorikeet), its headers, the
# program, and the files of find_package(lorikeet).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lorikeet)

set_target_properties(lorikeet_runtime PROPERTIES EXPORT_NAME runtime)
set_target_properties(lorikeet_shaders PROPERTIES EXPORT_NAME shaders)
# <lorikeet.h> is the C interface; C++ headers keep their paths of the source tree ("frontend/session.h").
target_include_directories(lorikeet_runtime PUBLIC
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/lorikeet>)
target_compile_features(lorikeet_runtime PUBLIC cxx_std_20)
install(TARGETS lorikeet lorikeet_runtime lorikeet_shaders EXPORT lorikeetTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET lorikeet_program)
  install(TARGETS lorikeet_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

if(EXISTS ${PROJECT_SOURCE_DIR}/models/nano.gguf)
  install(FILES models/nano.gguf DESTINATION ${CMAKE_INSTALL_DATADIR}/lorikeet)
endif()

# Headers, but not those whose first line says that they are internal to their folder.
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS runtime/*.h frontend/*.h shaders/*.h)
foreach(header ${headers})
  file(STRINGS ${header} first LIMIT_COUNT 1)
  if(first MATCHES "^// Internal")
    continue()
  endif()
  cmake_path(GET header PARENT_PATH folder)
  if(folder STREQUAL "frontend/api")
    install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  else()
    install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lorikeet/${folder})
  endif()
endforeach()

configure_package_config_file(cmake/lorikeetConfig.cmake.in ${PROJECT_BINARY_DIR}/lorikeetConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lorikeetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT lorikeetTargets NAMESPACE lorikeet:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/lorikeetConfig.cmake ${PROJECT_BINARY_DIR}/lorikeetConfigVersion.cmake DESTINATION ${package_dir})
