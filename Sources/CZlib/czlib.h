/* The system's zlib, which takes the pages of kdumps apart. */
#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

#endif
