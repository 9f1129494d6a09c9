"""Strips of people from NVIDIA's EG3D, with the user's checkout and checkpoint and with facecheck's cameras.

facecheck contains no code or weights of EG3D. It uses EG3D's published interface: ``legacy.load_network_pkl`` of
the checkout, and ``z_dim``, ``rendering_kwargs``, ``mapping`` and ``synthesis`` of the generator. The modules::

    yaws, camera     positions of the cameras
    checkpoint       permission to run the pickle, and loading it
    render           the strip of one person
    generate         files, and continuing a stopped run
    command          ``facecheck generate eg3d``

Source: Chan et al., Efficient Geometry-aware 3D Generative Adversarial Networks, CVPR 2022.
"""
