# cmake -DOUT=file.cc -DHEADER=include/path.h -DNAMES=a;b -DFILES=x;y -P embed.cmake
# Writes a source file that defines edgeml::data::<name> as a span over the bytes of each file.
set(code "#include \"${HEADER}\"\n\nnamespace edgeml::data {\nnamespace {\n")
set(spans "")
foreach(name file IN ZIP_LISTS NAMES FILES)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND code "constexpr uint8_t ${name}Bytes[] = {${bytes}};\n")
  string(APPEND spans "const std::span<const uint8_t> ${name}(${name}Bytes);\n")
endforeach()
string(APPEND code "}  // namespace\n${spans}}  // namespace edgeml::data\n")
file(WRITE ${OUT} "${code}")
