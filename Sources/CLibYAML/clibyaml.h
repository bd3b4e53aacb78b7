// libyaml of this system: Debian's and Ubuntu's libyaml-dev, Fedora's libyaml-devel.
#include <yaml.h>
