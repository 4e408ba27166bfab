# SPDX-License-Identifier: MIT
# The trainer: a native library of its own. The arithmetic is compiled once for each instruction
# set and chosen at run time (compute_choose.c). Contraction to FMA is allowed here: nothing in it
# decides a bit of the engine's results, and rounding to integers is shielded from it (vec.h).
set(VIT158_TRAIN_ARITHMETIC
    src/train/product.c
    src/train/trit_product.c
    src/train/trit_gradient.c
    src/train/norm_rows.c
    src/train/attention_rows.c
    src/train/elementwise.c)
set(VIT158_TRAIN_TILE_generic src/train/tile_generic.c)
set(VIT158_TRAIN_TILE_avx2 src/train/tile_avx2.c)
set(VIT158_TRAIN_TILE_avx512 src/train/tile_avx512.c)
set(VIT158_TRAIN_TILE_avx512bf16 src/train/tile_avx512.c src/train/product_half.c)
set(VIT158_TRAIN_FLAGS_generic "")
set(VIT158_TRAIN_FLAGS_avx2 -mavx2 -mfma)
set(VIT158_TRAIN_FLAGS_avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl
                              -mavx512vnni -mprefer-vector-width=512)
set(VIT158_TRAIN_FLAGS_avx512bf16 ${VIT158_TRAIN_FLAGS_avx512} -mavx512bf16)
set(VIT158_TRAIN_ISAS generic)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND VIT158_TRAIN_ISAS avx2 avx512 avx512bf16)
endif()

find_package(ZLIB REQUIRED)
# Several processes train together where MPI is there (ranks.h); nothing else needs it.
set(VIT158_RANKS_SOURCE src/train/ranks_alone.c)
if(VIT158_MPI)
  find_package(MPI COMPONENTS C QUIET)
  if(MPI_C_FOUND)
    set(VIT158_RANKS_SOURCE src/train/ranks_mpi.c)
  endif()
endif()
add_library(vit158_train
  src/train/agreement.c
  src/train/augment.c
  src/train/augment_ops.c
  src/train/train_block.c
  src/train/checkpoint.c
  src/train/compute_choose.c
  src/train/conv_net.c
  src/train/data.c
  src/train/data_cifar.c
  src/train/data_folder.c
  src/train/data_idx.c
  src/train/dataset.c
  src/train/embed_rows.c
  src/train/evaluate.c
  src/train/feed.c
  src/train/finetune.c
  src/train/head_fit.c
  src/train/head_run.c
  src/train/head_rows.c
  src/train/hints.c
  src/train/loss.c
  src/train/mimetic.c
  src/train/multiply.c
  src/train/net.c
  src/train/net_layout.c
  src/train/network.c
  src/train/packed.c
  src/train/pass.c
  src/train/optimiser.c
  src/train/plain_text.c
  src/train/train_run.c
  src/train/slots.c
  ${VIT158_RANKS_SOURCE}
  src/train/start.c
  src/train/start_matrix.c
  src/train/step.c
  src/train/soft_labels.c
  src/train/teacher.c
  src/train/train_recipe.c
  src/train/tensors_read.c
  src/train/time_left.c
  src/train/trainer.c
  src/train/vit_net.c
  src/train/workspace.c)
target_compile_options(vit158_train PRIVATE ${VIT158_NUMERIC_FLAGS} ${VIT158_WARNING_FLAGS})
target_link_libraries(vit158_train PUBLIC vit158 PRIVATE Threads::Threads ZLIB::ZLIB)
if(VIT158_MPI AND MPI_C_FOUND)
  target_link_libraries(vit158_train PRIVATE MPI::MPI_C)
endif()

foreach(isa ${VIT158_TRAIN_ISAS})
  add_library(vit158_train_${isa} OBJECT ${VIT158_TRAIN_ARITHMETIC} ${VIT158_TRAIN_TILE_${isa}})
  string(TOUPPER ${isa} upper)
  target_include_directories(vit158_train_${isa} PRIVATE src)
  target_compile_definitions(vit158_train_${isa} PRIVATE VIT158_TRAIN_ISA=${isa}
                                                         VIT158_TRAIN_IS_${upper}=1)
  target_compile_options(vit158_train_${isa} PRIVATE -O3 -fno-math-errno -ffp-contract=fast
                         ${VIT158_WARNING_FLAGS} ${VIT158_TRAIN_FLAGS_${isa}})
  target_sources(vit158_train PRIVATE $<TARGET_OBJECTS:vit158_train_${isa}>)
endforeach()
