# SPDX-License-Identifier: MIT
# `cmake --install`: the library with its headers, CMake and pkg-config files, the command with
# its manual page, and the collection of models where the command looks for it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS vit158 EXPORT vit158Targets)
install(FILES src/vit158.h src/vit158_observe.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE THIRD-PARTY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
target_include_directories(vit158 PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(vit158 PROPERTIES VERSION ${PROJECT_VERSION}
                                        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/vit158)
install(EXPORT vit158Targets NAMESPACE vit158:: DESTINATION ${cmake_folder})
configure_package_config_file(src/vit158Config.cmake.in vit158Config.cmake
                              INSTALL_DESTINATION ${cmake_folder})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(vit158ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vit158Config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/vit158ConfigVersion.cmake
        DESTINATION ${cmake_folder})

# The prefix is found from the file's own place, so that an installed tree can be moved.
file(RELATIVE_PATH VIT158_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" VIT158_PC_PREFIX ${VIT158_PC_PREFIX})
if(BUILD_SHARED_LIBS)
  set(VIT158_PC_LIBS "-lvit158")
else()
  set(VIT158_PC_LIBS "-lvit158 -lm -pthread")
  if(VIT158_HAVE_WEBP)
    string(APPEND VIT158_PC_LIBS " -lwebp")
  endif()
endif()
configure_file(src/vit158.pc.in vit158.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/vit158.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(VIT158_BUILD_TOOLS)
  install(TARGETS vit158_command)
  install(FILES src/cli/vit158.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/vit158/models
          FILES_MATCHING PATTERN "*.safetensors" PATTERN "manifest.json"
          PATTERN "samples" EXCLUDE PATTERN "recipes" EXCLUDE)
endif()
