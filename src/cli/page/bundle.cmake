# cmake -DPAGE=index.html -DOUT=file.cc -P bundle.cmake
# Makes one text of the page and the style sheets and scripts it names, and writes it as the two byte arrays of
# src/cli/page.h: what comes before the data, which the command writes, and what comes after.
get_filename_component(folder ${PAGE} DIRECTORY)
file(READ ${PAGE} page)

# Puts the content of the file that each such tag names in its place. CMake would cut text at semicolons if it went
# through a list, so every piece stays quoted.
function(inline tag_regex open close)
  while(page MATCHES "${tag_regex}")
    set(tag "${CMAKE_MATCH_0}")
    file(READ "${folder}/${CMAKE_MATCH_1}" content)
    string(FIND "${page}" "${tag}" at)
    string(LENGTH "${tag}" length)
    string(SUBSTRING "${page}" 0 ${at} before)
    math(EXPR end "${at} + ${length}")
    string(SUBSTRING "${page}" ${end} -1 after)
    set(page "${before}${open}\n${content}${close}${after}")
  endwhile()
  set(page "${page}" PARENT_SCOPE)
endfunction()
inline("<link rel=\"stylesheet\" href=\"([a-z_]+\\.css)\">" "<style>" "</style>")
inline("<script src=\"([a-z_]+\\.js)\"></script>" "<script>" "</script>")

set(mark "@DATA@")
string(FIND "${page}" "${mark}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${PAGE} has no ${mark}")
endif()
string(SUBSTRING "${page}" 0 ${at} before)
string(LENGTH "${mark}" length)
math(EXPR end "${at} + ${length}")
string(SUBSTRING "${page}" ${end} -1 after)

set(code "#include \"src/cli/page.h\"\n\nnamespace edgeml::cli {\nnamespace {\n")
foreach(part before after)
  string(HEX "${${part}}" hex)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND code "constexpr uint8_t ${part}[] = {${bytes}};\n")
endforeach()
string(APPEND code "}  // namespace\nconst std::span<const uint8_t> kPageBeforeData(before), kPageAfterData(after);\n"
                   "}  // namespace edgeml::cli\n")
file(WRITE ${OUT} "${code}")
