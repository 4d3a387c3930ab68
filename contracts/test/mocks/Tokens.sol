// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that does as it is told.
contract WeirdToken is ERC20 {
    enum Way {
        Plain,
        TakeFee,
        ReturnNothing,
        ReturnFalse,
        Revert,
        Overpay,
        Reenter
    }

    Way public way;
    address private _target;
    bytes private _payload;
    bool public reentered;

    constructor() ERC20("Weird", "WRD") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setWay(Way way_) external {
        way = way_;
    }

    /// @dev What `Reenter` calls in the middle of a transfer.
    function setCall(address target, bytes calldata payload) external {
        (_target, _payload) = (target, payload);
    }

    /// @dev A rebase: a share of what an account holds goes away.
    function shrink(address account, uint256 amount) external {
        _burn(account, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return _move(from, to, amount, true);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return _move(msg.sender, to, amount, false);
    }

    function _move(address from, address to, uint256 amount, bool pulled) private returns (bool) {
        Way now_ = way;
        if (now_ == Way.Revert) revert("weird");
        if (now_ == Way.ReturnFalse) return false;
        if (pulled) _spendAllowance(from, msg.sender, amount);
        if (now_ == Way.Reenter) {
            way = Way.Plain;
            (reentered,) = _target.call(_payload);
            way = Way.Reenter;
        }
        _transfer(from, to, now_ == Way.TakeFee ? amount - amount / 100 : amount);
        if (now_ == Way.Overpay) _mint(to, 1);
        if (now_ == Way.ReturnNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}
