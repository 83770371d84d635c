"""The proof of delivery, on demand (`make deploy-check`): the image's recipe run in a Debian root, that root booted with
systemd in namespaces, and a venue in it that is killed, drained, balanced, rolled over and rolled back under load.

Needs root, Linux and Debian's systemd-container, mmdebstrap and haproxy. Nothing here is imported by the program.
"""
