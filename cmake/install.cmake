# `cmake --install build/release --prefix DIR` gives a tree that works where it is put: bin/slipway finds ONNX Runtime in
# ../lib/slipway. slipway_module installs the program itself.

function(slipway_install)
  install(FILES ${SLIPWAY_ONNXRUNTIME}/lib/${SLIPWAY_ONNXRUNTIME_LIBRARY} DESTINATION lib/slipway)
  install(FILES ${SLIPWAY_ONNXRUNTIME}/LICENSE ${SLIPWAY_ONNXRUNTIME}/ThirdPartyNotices.txt
    DESTINATION share/doc/slipway/licences/onnxruntime)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/slipway_worker DESTINATION lib/slipway/python
    FILES_MATCHING PATTERN "*.py")
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/slipway)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION share/doc/slipway/docs)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples DESTINATION share/slipway)

  # The licences of the libraries that are linked in or needed at run time, from the packages they were built with.
  foreach(package IN ITEMS libboost1.81-dev libsimdjson-dev libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev
          libssl-dev libarchive-dev libjemalloc-dev zlib1g-dev libprotobuf-dev)
    if(EXISTS /usr/share/doc/${package}/copyright)
      install(FILES /usr/share/doc/${package}/copyright DESTINATION share/doc/slipway/licences/${package})
    endif()
  endforeach()
  if(TARGET slipway)
    install(CODE [[
      set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share")
      file(MAKE_DIRECTORY ${prefix}/bash-completion/completions ${prefix}/zsh/site-functions)
      execute_process(COMMAND $<TARGET_FILE:slipway> completion bash COMMAND_ERROR_IS_FATAL ANY
        OUTPUT_FILE ${prefix}/bash-completion/completions/slipway)
      execute_process(COMMAND $<TARGET_FILE:slipway> completion zsh COMMAND_ERROR_IS_FATAL ANY
        OUTPUT_FILE ${prefix}/zsh/site-functions/_slipway)
    ]])
  endif()
endfunction()
