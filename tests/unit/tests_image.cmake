# SPDX-License-Identifier: MIT
vit158_add_test(test_image_resize tests/unit/test_image_resize.c)
vit158_add_test(test_image_decode tests/unit/test_image_decode.c)
vit158_add_test(test_image_malformed tests/unit/test_image_malformed.c)
vit158_add_test(test_image_mended tests/unit/test_image_mended.c)
vit158_add_test(test_image_webp tests/unit/test_image_webp.c)
target_link_options(test_image_webp PRIVATE -Wl,--wrap=WebPDecode)
vit158_add_test(test_image_hostile tests/unit/test_image_hostile.c)
target_link_options(test_image_hostile PRIVATE -Wl,--wrap=calloc)

# Debian's Pillow as judge; exit code 77 (loud) when it is not installed.
find_program(VIT158_SYSTEM_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
if(VIT158_SYSTEM_PYTHON)
  set(golden ${PROJECT_SOURCE_DIR}/tests/golden)
  add_test(NAME test_image_resize_pillow
           COMMAND ${VIT158_SYSTEM_PYTHON} ${golden}/make_resize_goldens.py
                   --count 600 --seed 20240 --check $<TARGET_FILE:test_image_resize>)
  add_test(NAME test_image_decode_pillow
           COMMAND ${VIT158_SYSTEM_PYTHON} ${golden}/make_image_goldens.py
                   --count 300 --seed 20240 --check $<TARGET_FILE:test_image_decode>)
  set_tests_properties(test_image_resize_pillow test_image_decode_pillow
                       PROPERTIES SKIP_RETURN_CODE 77)
else()
  message(WARNING "/usr/bin/python3 not found: pictures are compared with committed goldens only")
endif()
