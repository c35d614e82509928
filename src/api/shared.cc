// The shared library has no code of its own: it is the public interface and what that needs.
