"""The app in Azure: Bicep for its resources, and scripts for what Bicep can't do in Microsoft Entra."""
