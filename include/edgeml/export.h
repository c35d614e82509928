// Symbol visibility of the shared library: everything is hidden but what carries EDGEML_API.
#ifndef EDGEML_EXPORT_H_
#define EDGEML_EXPORT_H_

#if defined(_WIN32)
#if defined(EDGEML_BUILDING_SHARED)
#define EDGEML_API __declspec(dllexport)
#else
#define EDGEML_API
#endif
#else
#define EDGEML_API __attribute__((visibility("default")))
#endif

#endif  // EDGEML_EXPORT_H_
